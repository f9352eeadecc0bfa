#include <limits>
#include <utility>

#include "dataplane/filter/lexer.h"
#include "dataplane/filter/syntax.h"

namespace vs::filter {
namespace {

using NodeIndex = std::uint32_t;

struct Infix {
  std::string_view sign;
  NodeKind kind;
};
constexpr Infix kRelations[]{{"==", NodeKind::equal}, {"!=", NodeKind::not_equal}, {"<=", NodeKind::at_most},
                             {">=", NodeKind::at_least}, {"<", NodeKind::less}, {">", NodeKind::more}};
constexpr Infix kSums[]{{"+", NodeKind::add}, {"-", NodeKind::subtract}};
constexpr Infix kProducts[]{{"*", NodeKind::multiply}, {"/", NodeKind::divide}, {"%", NodeKind::remainder}};
constexpr Infix kBoth[]{{"&&", NodeKind::both}};
constexpr Infix kEither[]{{"||", NodeKind::either}};

// Recursive descent; the first fault ends it.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<Tree> whole() {
    if (auto begun = advance(); !begun) return fail(std::move(begun.error()));
    auto root = expression();
    if (!root) return fail(std::move(root.error()));
    if (token_.word != Word::end) return fail_at(token_.column, "the expression ends before this");
    return std::move(tree_);
  }

 private:
  using Part = Result<NodeIndex>;

  // A level of the grammar deeper, as long as the scope lasts.
  struct Level {
    explicit Level(int& depth) : depth(++depth), count(depth) {}
    ~Level() { --count; }
    Level(const Level&) = delete;
    int depth;
    int& count;
  };

  Result<> advance() {
    auto next = lexer_.next();
    if (!next) return fail(std::move(next.error()));
    token_ = std::move(*next);
    return {};
  }

  Result<> expect(std::string_view sign) {
    if (!token_.is(sign)) return fail_at(token_.column, "\"" + std::string(sign) + "\" belongs here");
    return advance();
  }

  Part make(Node node) {
    if (tree_.nodes.size() == kNodesMax)
      return fail_at(node.column, "more than " + std::to_string(kNodesMax) + " parts");
    tree_.nodes.push_back(std::move(node));
    return static_cast<NodeIndex>(tree_.nodes.size() - 1);
  }

  Part expression() {
    const Level level(depth_);
    if (level.depth > kDepthMax) return fail_at(token_.column, "nested deeper than " + std::to_string(kDepthMax));
    auto condition = either();
    if (!condition || !token_.is("?")) return condition;
    const std::uint32_t column = token_.column;
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    auto yes = either();
    if (!yes) return yes;
    if (auto colon = expect(":"); !colon) return fail(std::move(colon.error()));
    auto no = expression();
    if (!no) return no;
    return make({.kind = NodeKind::choice, .column = column, .children = {*condition, *yes, *no}});
  }

  template <std::size_t count, class Operand>
  Part chain(const Infix (&signs)[count], Operand operand) {
    auto left = operand();
    while (left) {
      const Infix* found = nullptr;
      for (const Infix& infix : signs)
        if (token_.is(infix.sign)) found = &infix;
      if (found == nullptr) return left;
      const std::uint32_t column = token_.column;
      if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
      auto right = operand();
      if (!right) return right;
      left = make({.kind = found->kind, .column = column, .children = {*left, *right}});
    }
    return left;
  }

  Part either() { return chain(kEither, [this] { return both(); }); }
  Part both() { return chain(kBoth, [this] { return relation(); }); }
  Part sum() { return chain(kSums, [this] { return product(); }); }
  Part product() { return chain(kProducts, [this] { return unary(); }); }

  Part relation() {
    auto left = sum();
    if (!left) return left;
    NodeKind kind = NodeKind::in;
    bool found = token_.word == Word::name && token_.text == "in";
    for (const Infix& infix : kRelations)
      if (token_.is(infix.sign)) {
        kind = infix.kind;
        found = true;
      }
    if (!found) return left;
    const std::uint32_t column = token_.column;
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    auto right = sum();
    if (!right) return right;
    return make({.kind = kind, .column = column, .children = {*left, *right}});
  }

  Part unary() {
    const bool minus = token_.is("-");
    if (!minus && !token_.is("!")) return member();
    const Level level(depth_);
    if (level.depth > kDepthMax) return fail_at(token_.column, "nested deeper than " + std::to_string(kDepthMax));
    const std::uint32_t column = token_.column;
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    if (minus && (token_.word == Word::integer || token_.word == Word::real)) return negative(column);
    auto operand = unary();
    if (!operand) return operand;
    return make({.kind = minus ? NodeKind::negate : NodeKind::complement, .column = column, .children = {*operand}});
  }

  // The smallest integer has no positive twin, so the sign belongs to the number.
  Part negative(std::uint32_t column) {
    Node node{.column = column};
    if (token_.word == Word::real) {
      node.kind = NodeKind::real;
      node.real = -token_.real;
    } else {
      if (token_.integer > std::uint64_t{1} << 63) return fail_at(token_.column, "an integer that is too large");
      node.kind = NodeKind::integer;
      node.integer = static_cast<std::int64_t>(0 - token_.integer);
    }
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    return make(std::move(node));
  }

  Part member() {
    auto part = primary();
    while (part) {
      if (token_.is(".")) {
        part = select(*part);
      } else if (token_.is("[")) {
        part = subscript(*part);
      } else {
        return part;
      }
    }
    return part;
  }

  // "a.b" is a longer name; "a.b(...)" a call on a.
  Part select(NodeIndex on) {
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    if (token_.word != Word::name) return fail_at(token_.column, "a name belongs after the dot");
    const Token name = token_;
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    if (token_.is("(")) {
      Node call{.kind = NodeKind::call, .column = name.column, .method = true, .text = name.text, .children = {on}};
      if (auto read = elements("(", ")", call.children); !read) return fail(std::move(read.error()));
      return make(std::move(call));
    }
    return lengthen(on, name.text, name.column);
  }

  Part subscript(NodeIndex on) {
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    if (token_.word != Word::text) return fail_at(token_.column, "a string belongs between the brackets");
    const Token name = token_;
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    if (auto closed = expect("]"); !closed) return fail(std::move(closed.error()));
    return lengthen(on, name.text, name.column);
  }

  Part lengthen(NodeIndex on, const std::string& name, std::uint32_t column) {
    Node& node = tree_.nodes[on];
    if (node.kind != NodeKind::name) return fail_at(column, "only a name has parts");
    node.text += "." + name;
    return on;
  }

  Result<> elements(std::string_view opening, std::string_view closing, std::vector<NodeIndex>& into) {
    if (auto opened = expect(opening); !opened) return opened;
    while (!token_.is(closing)) {
      auto one = expression();
      if (!one) return fail(std::move(one.error()));
      into.push_back(*one);
      if (token_.is(closing)) break;
      if (auto comma = expect(","); !comma) return comma;
    }
    return advance();
  }

  Part primary() {
    const Token token = token_;
    Node node{.column = token.column};
    if (token.is("(")) {
      if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
      auto inside = expression();
      if (!inside) return inside;
      if (auto closed = expect(")"); !closed) return fail(std::move(closed.error()));
      return inside;
    }
    if (token.is("[")) {
      node.kind = NodeKind::list;
      if (auto read = elements("[", "]", node.children); !read) return fail(std::move(read.error()));
      return make(std::move(node));
    }
    switch (token.word) {
      case Word::end:  return fail_at(token.column, "the expression is not complete");
      case Word::sign: return fail_at(token.column, "a value belongs here, not \"" + token.text + "\"");
      case Word::text:
        node.kind = NodeKind::text;
        node.text = token.text;
        break;
      case Word::real:
        node.kind = NodeKind::real;
        node.real = token.real;
        break;
      case Word::integer:
        if (token.integer > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          return fail_at(token.column, "an integer that is too large");
        node.kind = NodeKind::integer;
        node.integer = static_cast<std::int64_t>(token.integer);
        break;
      case Word::name:
        node.kind = NodeKind::name;
        node.text = token.text;
        if (token.text == "in") return fail_at(token.column, "a value belongs before \"in\"");
        if (token.text == "true" || token.text == "false") {
          node.kind = NodeKind::boolean;
          node.integer = token.text == "true";
        }
        break;
    }
    if (auto moved = advance(); !moved) return fail(std::move(moved.error()));
    if (node.kind == NodeKind::name && token_.is("(")) {
      node.kind = NodeKind::call;
      if (auto read = elements("(", ")", node.children); !read) return fail(std::move(read.error()));
    }
    return make(std::move(node));
  }

  Lexer lexer_;
  Token token_;
  Tree tree_;
  int depth_ = 0;
};

}  // namespace

Result<Tree> parse(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return fail_at(kTextBytesMax + 1, "longer than " + std::to_string(kTextBytesMax) + " bytes");
  return Parser(text).whole();
}

}  // namespace vs::filter
