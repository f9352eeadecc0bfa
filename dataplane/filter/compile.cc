#include "dataplane/filter/compile.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "dataplane/filter/syntax.h"

namespace vs::filter {
namespace {

bool may_be(Type type, Type wanted) { return type == wanted || type == Type::dynamic; }
bool may_be_number(Type type) { return type == Type::integer || type == Type::real || type == Type::dynamic; }
bool may_be_string(Type type) { return type == Type::text || type == Type::bytes || type == Type::dynamic; }

bool is_literal(const Node& node) { return node.kind <= NodeKind::text; }

std::string names_of(Type left, Type right) {
  return std::string(name_of(left)) + " and " + std::string(name_of(right));
}

Comparison comparison_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::equal:     return Comparison::equal;
    case NodeKind::not_equal: return Comparison::not_equal;
    case NodeKind::less:      return Comparison::less;
    case NodeKind::at_most:   return Comparison::at_most;
    case NodeKind::more:      return Comparison::more;
    default:                  return Comparison::at_least;
  }
}

// The same comparison with its sides exchanged.
Comparison mirrored(Comparison how) {
  switch (how) {
    case Comparison::less:     return Comparison::more;
    case Comparison::at_most:  return Comparison::at_least;
    case Comparison::more:     return Comparison::less;
    case Comparison::at_least: return Comparison::at_most;
    default:                   return how;
  }
}

Operation operation_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::multiply:  return Operation::multiply;
    case NodeKind::divide:    return Operation::divide;
    case NodeKind::remainder: return Operation::remainder;
    case NodeKind::add:       return Operation::add;
    default:                  return Operation::subtract;
  }
}

}  // namespace

// Walks the tree once, and gives each part's type.
class Compiler {
 public:
  Compiler(const Tree& tree, Schema& schema) : tree_(tree), schema_(schema) {}

  Result<Program> whole() {
    const Node& root = tree_.root();
    auto type = expression(root);
    if (!type) return fail(std::move(type.error()));
    if (!may_be(*type, Type::boolean))
      return fail_at(root.column, "a filter is a truth value, not " + std::string(name_of(*type)));
    require(root);
    if (auto verified = verify(program_); !verified) return fail(std::move(verified.error()));
    return std::move(program_);
  }

 private:
  using Typed = Result<Type>;

  [[nodiscard]] const Node& child(const Node& node, std::size_t index) const { return tree_.nodes[node.children[index]]; }

  std::size_t emit(Operation operation, std::uint16_t a = 0, std::uint32_t b = 0) {
    program_.instructions_.push_back({.operation = operation, .unused = 0, .a = a, .b = b});
    return program_.instructions_.size() - 1;
  }
  void land(std::size_t jump) { program_.instructions_[jump].b = static_cast<std::uint32_t>(program_.instructions_.size()); }

  Value value_of(const Node& literal) {
    switch (literal.kind) {
      case NodeKind::boolean: return Value(literal.integer != 0);
      case NodeKind::integer: return Value(literal.integer);
      case NodeKind::real:    return Value(literal.real);
      default:                return Value(std::string_view(*program_.texts_.emplace_back(std::make_unique<std::string>(literal.text))));
    }
  }
  // Its place among the constants.
  std::uint32_t constant(const Node& literal) {
    program_.constants_.push_back(value_of(literal));
    return static_cast<std::uint32_t>(program_.constants_.size() - 1);
  }
  static Type type_of(const Node& literal) {
    switch (literal.kind) {
      case NodeKind::boolean: return Type::boolean;
      case NodeKind::integer: return Type::integer;
      case NodeKind::real:    return Type::real;
      default:                return Type::text;
    }
  }

  Result<Slot> slot(const Node& name) {
    auto slot = schema_.use(name.text);
    if (slot) return slot;
    if (slot.error().code != ErrorCode::not_found) return fail_at(name.column, slot.error().message);
    if (schema_.is_prefix(name.text)) return fail_at(name.column, name.text + ": a part of it is a value, it is none itself");
    std::string known;
    for (const std::string& one : schema_.names()) known += (known.empty() ? "; there are " : ", ") + one;
    return fail_at(name.column, slot.error().message + known);
  }

  Typed expression(const Node& node) {
    switch (node.kind) {
      case NodeKind::boolean: case NodeKind::integer: case NodeKind::real: case NodeKind::text:
        emit(Operation::constant, 0, constant(node));
        return type_of(node);
      case NodeKind::name: {
        const auto found = slot(node);
        if (!found) return fail(found.error());
        emit(Operation::slot, 0, found->index);
        return found->type;
      }
      case NodeKind::call:       return call(node);
      case NodeKind::list:       return fail_at(node.column, "a list belongs behind \"in\"");
      case NodeKind::negate:     return negate(node);
      case NodeKind::complement: return complement(node);
      case NodeKind::multiply: case NodeKind::divide: case NodeKind::remainder: case NodeKind::add: case NodeKind::subtract:
        return calculate(node);
      case NodeKind::equal: case NodeKind::not_equal: case NodeKind::less: case NodeKind::at_most: case NodeKind::more:
      case NodeKind::at_least:
        return relate(node);
      case NodeKind::in:     return in(node);
      case NodeKind::both: case NodeKind::either: return join(node);
      case NodeKind::choice: return choose(node);
    }
    __builtin_unreachable();
  }

  Typed truth(const Node& node, const char* what) {
    auto type = expression(node);
    if (type && !may_be(*type, Type::boolean))
      return fail_at(node.column, std::string(what) + " is a truth value, not " + std::string(name_of(*type)));
    return type;
  }

  Typed negate(const Node& node) {
    auto type = expression(child(node, 0));
    if (!type) return type;
    if (!may_be_number(*type)) return fail_at(node.column, "only numbers have a negative, not " + std::string(name_of(*type)));
    emit(Operation::negate);
    return type;
  }

  Typed complement(const Node& node) {
    auto type = truth(child(node, 0), "what \"!\" stands before");
    if (type) emit(Operation::complement);
    return type;
  }

  Typed calculate(const Node& node) {
    const auto left = expression(child(node, 0));
    if (!left) return left;
    const auto right = expression(child(node, 1));
    if (!right) return right;
    if (!may_be_number(*left) || !may_be_number(*right))
      return fail_at(node.column, "only numbers are calculated with, not " + names_of(*left, *right));
    const bool whole = may_be(*left, Type::integer) && may_be(*right, Type::integer);
    if (node.kind == NodeKind::remainder && !whole) return fail_at(node.column, "\"%\" is for int, not " + names_of(*left, *right));
    emit(operation_of(node.kind));
    if (*left == Type::real || *right == Type::real) return Type::real;
    return *left == Type::dynamic || *right == Type::dynamic ? Type::dynamic : Type::integer;
  }

  Typed relate(const Node& node) {
    const Node& left = child(node, 0);
    const Node& right = child(node, 1);
    const Comparison how = comparison_of(node.kind);
    // The common case in one instruction.
    if (left.kind == NodeKind::name && is_literal(right)) return relate_slot(node, left, how, right);
    if (right.kind == NodeKind::name && is_literal(left)) return relate_slot(node, right, mirrored(how), left);
    const auto first = expression(left);
    if (!first) return first;
    const auto second = expression(right);
    if (!second) return second;
    if (auto fits = comparable(node, *first, how, *second); !fits) return fail(std::move(fits.error()));
    emit(Operation::compare, static_cast<std::uint16_t>(how));
    return Type::boolean;
  }

  Typed relate_slot(const Node& node, const Node& name, Comparison how, const Node& literal) {
    const auto found = slot(name);
    if (!found) return fail(found.error());
    if (auto fits = comparable(node, found->type, how, type_of(literal)); !fits) return fail(std::move(fits.error()));
    emit(Operation::compare_slot, static_cast<std::uint16_t>(found->index),
         constant(literal) << 8 | static_cast<std::uint32_t>(how));
    return Type::boolean;
  }

  static Result<> comparable(const Node& node, Type left, Comparison how, Type right) {
    const bool ordered = how > Comparison::not_equal;
    if (ordered && (left == Type::boolean || right == Type::boolean))
      return fail_at(node.column, "truth values have no order");
    if (left == Type::dynamic || right == Type::dynamic || left == right) return {};
    if (may_be_number(left) && may_be_number(right)) return {};
    return fail_at(node.column, names_of(left, right) + " cannot be compared");
  }

  Typed in(const Node& node) {
    const Node& list = child(node, 1);
    if (list.kind != NodeKind::list) return fail_at(list.column, "a list in brackets belongs behind \"in\"");
    if (list.children.empty()) return fail_at(list.column, "a list with nothing in it holds nothing");
    if (list.children.size() > kListMax) return fail_at(list.column, "more than " + std::to_string(kListMax) + " elements");
    const auto type = expression(child(node, 0));
    if (!type) return type;
    std::vector<Value> values;
    for (std::size_t index = 0; index < list.children.size(); ++index) {
      const Node& element = child(list, index);
      if (!is_literal(element)) return fail_at(element.column, "an element of a list is a literal");
      if (auto fits = comparable(element, *type, Comparison::equal, type_of(element)); !fits) return fail(std::move(fits.error()));
      values.push_back(value_of(element));
    }
    program_.lists_.emplace_back(std::move(values));
    emit(Operation::in, 0, static_cast<std::uint32_t>(program_.lists_.size() - 1));
    return Type::boolean;
  }

  // The right side is left out when the left one decides; an error on the left does not decide.
  Typed join(const Node& node) {
    const bool both = node.kind == NodeKind::both;
    const char* what = both ? "a side of \"&&\"" : "a side of \"||\"";
    if (auto left = truth(child(node, 0), what); !left) return left;
    const std::size_t jump = emit(both ? Operation::skip_if_false : Operation::skip_if_true);
    if (auto right = truth(child(node, 1), what); !right) return right;
    emit(both ? Operation::both : Operation::either);
    land(jump);
    return Type::boolean;
  }

  Typed choose(const Node& node) {
    if (auto condition = truth(child(node, 0), "what stands before \"?\""); !condition) return condition;
    const std::size_t failed = emit(Operation::check);
    const std::size_t otherwise = emit(Operation::skip_unless);
    const auto yes = expression(child(node, 1));
    if (!yes) return yes;
    const std::size_t done = emit(Operation::skip);
    land(otherwise);
    const auto no = expression(child(node, 2));
    if (!no) return no;
    land(failed);
    land(done);
    if (*yes == *no) return *yes;
    if (*yes == Type::dynamic || *no == Type::dynamic) return Type::dynamic;
    if (may_be_number(*yes) && may_be_number(*no)) return Type::dynamic;
    return fail_at(node.column, "either " + std::string(name_of(*yes)) + " or " + std::string(name_of(*no)) + ": choose one type");
  }

  Typed call(const Node& node) {
    struct Function {
      std::string_view name;
      bool method;
      std::size_t arguments;
      Typed (Compiler::*compile)(const Node&);
    };
    static constexpr Function kFunctions[]{
        {"startsWith", true, 1, &Compiler::search}, {"endsWith", true, 1, &Compiler::search},
        {"contains", true, 1, &Compiler::search},   {"matches", true, 1, &Compiler::match},
        {"size", false, 1, &Compiler::size},        {"size", true, 0, &Compiler::size},
        {"has", false, 1, &Compiler::has},          {"int", false, 1, &Compiler::convert},
        {"double", false, 1, &Compiler::convert}};
    const std::size_t given = node.children.size() - (node.method ? 1 : 0);
    bool known = false;
    for (const Function& function : kFunctions) {
      if (function.name != node.text) continue;
      known = true;
      if (function.method != node.method || function.arguments != given) continue;
      return (this->*function.compile)(node);
    }
    return fail_at(node.column, node.text + (known ? ": not called like this" : ": no such function; there are startsWith, "
                                                                                "endsWith, contains, matches, size, has, int, double"));
  }

  Typed search(const Node& node) {
    const auto on = expression(child(node, 0));
    if (!on) return on;
    const auto part = expression(child(node, 1));
    if (!part) return part;
    const bool fits = *on == *part || *on == Type::dynamic || *part == Type::dynamic;
    if (!may_be_string(*on) || !may_be_string(*part) || !fits)
      return fail_at(node.column, node.text + " is for strings, not " + names_of(*on, *part));
    emit(node.text == "startsWith" ? Operation::starts_with
         : node.text == "endsWith" ? Operation::ends_with
                                   : Operation::contains);
    return Type::boolean;
  }

  Typed match(const Node& node) {
    const auto on = expression(child(node, 0));
    if (!on) return on;
    if (!may_be(*on, Type::text)) return fail_at(node.column, "matches is for string, not " + std::string(name_of(*on)));
    const Node& text = child(node, 1);
    if (text.kind != NodeKind::text) return fail_at(text.column, "a regular expression is written here, not computed");
    auto pattern = Pattern::compile(text.text);
    if (!pattern) return fail_at(text.column, pattern.error().message);
    program_.patterns_.push_back(std::move(*pattern));
    emit(Operation::matches, 0, static_cast<std::uint32_t>(program_.patterns_.size() - 1));
    return Type::boolean;
  }

  Typed size(const Node& node) {
    const auto of = expression(child(node, 0));
    if (!of) return of;
    if (!may_be_string(*of)) return fail_at(node.column, "size is for strings and bytes, not " + std::string(name_of(*of)));
    emit(Operation::size);
    return Type::integer;
  }

  Typed has(const Node& node) {
    const Node& name = child(node, 0);
    if (name.kind != NodeKind::name) return fail_at(name.column, "has asks for a name");
    const auto found = slot(name);
    if (!found) return fail(found.error());
    emit(Operation::present, 0, found->index);
    return Type::boolean;
  }

  Typed convert(const Node& node) {
    const auto of = expression(child(node, 0));
    if (!of) return of;
    if (!may_be_number(*of)) return fail_at(node.column, node.text + " is for numbers, not " + std::string(name_of(*of)));
    const bool real = node.text == "double";
    emit(real ? Operation::to_real : Operation::to_integer);
    return real ? Type::real : Type::integer;
  }

  // Of what is joined by "&&", all must hold: equalities there are necessary for the whole.
  void require(const Node& node) {
    if (node.kind == NodeKind::both) {
      require(child(node, 0));
      require(child(node, 1));
      return;
    }
    if (node.kind != NodeKind::equal && node.kind != NodeKind::in) return;
    const Node* name = &child(node, 0);
    const Node* other = &child(node, 1);
    if (name->kind != NodeKind::name) std::swap(name, other);
    if (name->kind != NodeKind::name) return;
    const auto found = schema_.find(name->text);
    if (!found) return;
    Requirement requirement{.slot = found->index, .values = {}};
    if (other->kind == NodeKind::list) {
      for (std::size_t index = 0; index < other->children.size(); ++index)
        requirement.values.push_back(value_of(child(*other, index)));
    } else if (is_literal(*other)) {
      requirement.values.push_back(value_of(*other));
    } else {
      return;
    }
    program_.requirements_.push_back(std::move(requirement));
  }

  const Tree& tree_;
  Schema& schema_;
  Program program_;
};

Result<Program> compile(std::string_view text, Schema& schema, std::uint32_t cost_max) {
  const auto tree = parse(text);
  if (!tree) return fail(tree.error());
  auto program = Compiler(*tree, schema).whole();
  if (program && program->cost() > cost_max)
    return fail(ErrorCode::exhausted, "column 1: may cost " + std::to_string(program->cost()) + " ns an event, limit " +
                                          std::to_string(cost_max));
  return program;
}

}  // namespace vs::filter
