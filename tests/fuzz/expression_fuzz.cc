// Filters of anything, on events of anything: compiled or refused with a column, verified, evaluated, and found by the index.
//
// The input is the filter's text, a zero byte, and what the events are made of. A second, plain walk over the same tree must come to
// the same verdict as the bytecode.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "dataplane/filter/compile.h"
#include "dataplane/filter/index.h"
#include "dataplane/filter/syntax.h"

namespace vs::filter {
namespace {

Schema make_schema() {
  Schema schema;
  for (const auto& [name, type] : std::initializer_list<std::pair<const char*, Type>>{
           {"t", Type::text}, {"b", Type::bytes}, {"i", Type::integer}, {"d", Type::real}, {"f", Type::boolean}})
    VS_CHECK(schema.declare(name, type).has_value());
  schema.open("a");
  return schema;
}

// What the operations mean, written down once more and without bytecode.
class Walk {
 public:
  Walk(const Tree& tree, const Schema& schema, const std::vector<Value>& values) : tree_(tree), schema_(schema), values_(values) {}
  Value value() const { return value(tree_.root()); }

 private:
  const Node& child(const Node& node, std::size_t index) const { return tree_.nodes[node.children[index]]; }
  Value named(const Node& node) const {
    const auto slot = schema_.find(node.text);
    return slot && slot->index < values_.size() ? values_[slot->index] : Value();
  }
  Value value(const Node& node) const {
    switch (node.kind) {
      case NodeKind::boolean: return Value(node.integer != 0);
      case NodeKind::integer: return Value(node.integer);
      case NodeKind::real: return Value(node.real);
      case NodeKind::text: return Value(std::string_view(node.text));
      case NodeKind::name: return named(node);
      case NodeKind::list: VS_CHECK(false); break;
      case NodeKind::call: return call(node);
      case NodeKind::negate: {
        const Value of = value(child(node, 0));
        if (of.type() == Type::real) return Value(-of.real());
        if (of.type() != Type::integer || of.integer() == std::numeric_limits<std::int64_t>::min()) return Value::error();
        return Value(-of.integer());
      }
      case NodeKind::complement: {
        const Value of = value(child(node, 0));
        return of.type() == Type::boolean ? Value(!of.boolean()) : Value::error();
      }
      case NodeKind::both: case NodeKind::either: {
        const bool decides = node.kind == NodeKind::either;
        const Value left = value(child(node, 0));
        const Value right = value(child(node, 1));
        if (left.is(decides) || right.is(decides)) return Value(decides);
        return left.type() == Type::boolean && right.type() == Type::boolean ? Value(!decides) : Value::error();
      }
      case NodeKind::choice: {
        const Value condition = value(child(node, 0));
        if (condition.type() != Type::boolean) return Value::error();
        return value(child(node, condition.boolean() ? 1 : 2));
      }
      case NodeKind::in: {
        const Value of = value(child(node, 0));
        if (of.type() <= Type::error) return Value::error();
        for (const std::uint32_t index : child(node, 1).children)
          if (compare(of, Comparison::equal, value(tree_.nodes[index])).is(true)) return Value(true);
        return Value(false);
      }
      case NodeKind::multiply: case NodeKind::divide: case NodeKind::remainder: case NodeKind::add: case NodeKind::subtract:
        return calculate(node.kind, value(child(node, 0)), value(child(node, 1)));
      default: {
        static constexpr std::pair<NodeKind, Comparison> kHow[]{
            {NodeKind::equal, Comparison::equal}, {NodeKind::not_equal, Comparison::not_equal}, {NodeKind::less, Comparison::less},
            {NodeKind::at_most, Comparison::at_most}, {NodeKind::more, Comparison::more}, {NodeKind::at_least, Comparison::at_least}};
        for (const auto& [kind, how] : kHow)
          if (kind == node.kind) return compare(value(child(node, 0)), how, value(child(node, 1)));
      }
    }
    VS_CHECK(false);
  }
  static Value calculate(NodeKind kind, const Value& left, const Value& right) {
    if (!left.is_number() || !right.is_number()) return Value::error();
    if (left.type() == Type::real || right.type() == Type::real) {
      const double a = left.type() == Type::real ? left.real() : static_cast<double>(left.integer());
      const double b = right.type() == Type::real ? right.real() : static_cast<double>(right.integer());
      switch (kind) {
        case NodeKind::multiply: return Value(a * b);
        case NodeKind::divide: return Value(a / b);
        case NodeKind::add: return Value(a + b);
        case NodeKind::subtract: return Value(a - b);
        default: return Value::error();
      }
    }
    const __int128 a = left.integer();
    const __int128 b = right.integer();
    if (b == 0 && (kind == NodeKind::divide || kind == NodeKind::remainder)) return Value::error();
    if (kind == NodeKind::remainder && b == -1 && a == std::numeric_limits<std::int64_t>::min()) return Value::error();
    const __int128 result = kind == NodeKind::multiply ? a * b : kind == NodeKind::divide ? a / b : kind == NodeKind::remainder ? a % b
                            : kind == NodeKind::add ? a + b : a - b;
    const bool fits = result >= std::numeric_limits<std::int64_t>::min() && result <= std::numeric_limits<std::int64_t>::max();
    return fits ? Value(static_cast<std::int64_t>(result)) : Value::error();
  }
  Value call(const Node& node) const {
    if (node.text == "has") return Value(named(child(node, 0)).type() != Type::absent);
    const Value of = value(child(node, 0));
    if (node.text == "size") return of.is_string() ? Value(static_cast<std::int64_t>(of.text().size())) : Value::error();
    if (node.text == "double") {
      if (of.type() == Type::real) return of;
      return of.type() == Type::integer ? Value(static_cast<double>(of.integer())) : Value::error();
    }
    if (node.text == "int") {
      if (of.type() == Type::integer) return of;
      const bool fits = of.type() == Type::real && std::abs(of.real()) < 9223372036854775808.0;
      return fits ? Value(static_cast<std::int64_t>(of.real())) : Value::error();
    }
    if (node.text == "matches") {
      if (of.type() != Type::text) return Value::error();
      return Value(Pattern::compile(child(node, 1).text)->found_in(of.text()));
    }
    const Value part = value(child(node, 1));
    if (!of.is_string() || of.type() != part.type()) return Value::error();
    if (node.text == "startsWith") return Value(of.text().starts_with(part.text()));
    if (node.text == "endsWith") return Value(of.text().ends_with(part.text()));
    return Value(of.text().find(part.text()) != std::string_view::npos);
  }

  const Tree& tree_;
  const Schema& schema_;
  const std::vector<Value>& values_;
};

// An event out of the rest of the input: a byte for the type, and what belongs to it.
std::vector<Value> event_of(std::string_view& rest, const Schema& schema) {
  std::vector<Value> values;
  for (std::size_t slot = 0; slot < schema.slots(); ++slot) {
    if (rest.empty()) break;
    const auto how = static_cast<std::uint8_t>(rest.front());
    rest.remove_prefix(1);
    char raw[8]{};
    std::memcpy(raw, rest.data(), std::min(rest.size(), sizeof raw));
    const std::size_t size = std::min<std::size_t>(rest.size(), how >> 4);
    // Declared slots hold their type or nothing; the others anything.
    static constexpr Type kDeclared[]{Type::text, Type::bytes, Type::integer, Type::real, Type::boolean};
    const Type type = slot < std::size(kDeclared) ? kDeclared[slot] : kDeclared[how % std::size(kDeclared)];
    if ((how & 8) != 0) {
      values.emplace_back();
      continue;
    }
    std::int64_t integer = 0;
    double real = 0;
    switch (type) {
      case Type::boolean: values.emplace_back((how & 1) != 0); break;
      case Type::integer:
        std::memcpy(&integer, raw, sizeof integer);
        values.emplace_back((how & 4) != 0 ? integer : std::int64_t{raw[0]});
        break;
      case Type::real:
        std::memcpy(&real, raw, sizeof real);
        values.emplace_back((how & 4) != 0 ? real : static_cast<double>(raw[0]));
        break;
      default: values.emplace_back(rest.substr(0, size), type); break;
    }
    rest.remove_prefix(std::min<std::size_t>(rest.size(), type == Type::boolean ? 0 : type == Type::text || type == Type::bytes ? size : (how & 4) != 0 ? 8 : 1));
  }
  return values;
}

Verdict verdict_of(const Value& value) {
  if (value.type() != Type::boolean) return Verdict::error;
  return value.boolean() ? Verdict::yes : Verdict::no;
}

void run(std::string_view input) {
  const std::size_t zero = input.find('\0');
  const std::string_view text = input.substr(0, zero);
  std::string_view rest = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1);
  Schema schema = make_schema();
  const auto program = compile(text, schema, kCostMax);
  if (!program) {
    VS_CHECK(program.error().message.starts_with("column ") || program.error().message.starts_with("program: "));
    return;
  }
  const auto tree = parse(text);
  FilterIndex index;
  index.add(1, *program);
  do {
    const std::vector<Value> values = event_of(rest, schema);
    const Verdict verdict = program->evaluate(values);
    VS_CHECK(verdict == verdict_of(Walk(*tree, schema, values).value()));
    std::vector<FilterIndex::Id> matched;
    index.match(values, matched);
    VS_CHECK(matched.size() == (verdict == Verdict::yes ? 1u : 0u));
  } while (!rest.empty());
}

}  // namespace
}  // namespace vs::filter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vs::filter::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
