// Filter expressions as trees: a subset of CEL (github.com/google/cel-spec, doc/langdef.md), without macros, maps and messages.
//
//   expression  = or [ "?" or ":" expression ]
//   or          = and *( "||" and )
//   and         = relation *( "&&" relation )
//   relation    = sum [ ( "==" / "!=" / "<" / "<=" / ">" / ">=" / "in" ) sum ]
//   sum         = product *( ( "+" / "-" ) product )
//   product     = unary *( ( "*" / "/" / "%" ) unary )
//   unary       = *( "!" / "-" ) member
//   member      = primary *( "." name [ "(" arguments ")" ] / "[" string "]" )
//   primary     = name [ "(" arguments ")" ] / "(" expression ")" / "[" [ arguments ] "]" / literal
//   literal     = int / double / string / "true" / "false"
//
// Pure; thread-safe. Columns count bytes from 1. Errors: invalid, "column 7: ..."; kTextBytesMax, kNodesMax and kDepthMax are limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vs::filter {

inline constexpr std::size_t kTextBytesMax = 4096;
inline constexpr std::size_t kNodesMax = 512;
inline constexpr int kDepthMax = 48;

enum class NodeKind : std::uint8_t {
  boolean, integer, real, text,  // literals
  name,                          // `text`: dotted
  call,                          // `text`: the function; children: the receiver, if there is one, and the arguments
  list,                          // children: its elements
  negate, complement,            // "-" and "!"
  multiply, divide, remainder, add, subtract,
  equal, not_equal, less, at_most, more, at_least, in,
  both, either, choice           // "&&", "||", "? :"
};

struct Node {
  NodeKind kind{};
  std::uint32_t column = 0;
  bool method = false;  // of a call: the first child is what it was called on
  std::int64_t integer = 0;  // of an integer or a truth value
  double real = 0;
  std::string text;
  std::vector<std::uint32_t> children;
};

// Children come before their parent; the last node is the whole.
struct Tree {
  std::vector<Node> nodes;
  [[nodiscard]] const Node& root() const { return nodes.back(); }
};

Result<Tree> parse(std::string_view text);

// An Error of kind invalid that names the column.
tl::unexpected<Error> fail_at(std::uint32_t column, const std::string& what);

}  // namespace vs::filter
