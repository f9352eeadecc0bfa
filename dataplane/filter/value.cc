#include "dataplane/filter/value.h"

#include <cmath>
#include <compare>
#include <functional>

namespace vs::filter {
namespace {

// 2^63: the first real above all integers; exact.
constexpr double kIntegersEnd = 9223372036854775808.0;

std::partial_ordering order(std::int64_t left, double right) {
  if (std::isnan(right)) return std::partial_ordering::unordered;
  if (right >= kIntegersEnd) return std::partial_ordering::less;
  if (right < -kIntegersEnd) return std::partial_ordering::greater;
  const double whole = std::trunc(right);  // fits
  const auto truncated = static_cast<std::int64_t>(whole);
  if (left != truncated) return left <=> truncated;
  return 0.0 <=> (right - whole);
}

std::partial_ordering order_of_numbers(const Value& left, const Value& right) {
  if (left.type() == Type::integer)
    return right.type() == Type::integer ? std::partial_ordering(left.integer() <=> right.integer())
                                         : order(left.integer(), right.real());
  if (right.type() == Type::real) return left.real() <=> right.real();
  return 0 <=> order(right.integer(), left.real());
}

bool order_holds(std::partial_ordering order, Comparison how) {
  switch (how) {
    case Comparison::equal:     return order == 0;
    case Comparison::not_equal: return order != 0;
    case Comparison::less:      return order < 0;
    case Comparison::at_most:   return order <= 0;
    case Comparison::more:      return order > 0;
    case Comparison::at_least:  return order >= 0;
  }
  __builtin_unreachable();
}

}  // namespace

std::string_view name_of(Type type) {
  switch (type) {
    case Type::absent:  return "nothing";
    case Type::error:   return "error";
    case Type::boolean: return "bool";
    case Type::integer: return "int";
    case Type::real:    return "double";
    case Type::text:    return "string";
    case Type::bytes:   return "bytes";
    case Type::dynamic: return "any";
  }
  __builtin_unreachable();
}

Value compare(const Value& left, Comparison how, const Value& right) {
  if (left.is_number() && right.is_number()) return Value(order_holds(order_of_numbers(left, right), how));
  if (left.type() != right.type()) return Value::error();
  if (left.is_string()) {
    // Most are compared for equality, and most differ in length.
    if (how == Comparison::equal) return Value(left.text() == right.text());
    return Value(order_holds(left.text() <=> right.text(), how));
  }
  if (left.type() != Type::boolean || how > Comparison::not_equal) return Value::error();
  return Value((left.boolean() == right.boolean()) == (how == Comparison::equal));
}

std::uint64_t hash_of(const Value& value) {
  switch (value.type()) {
    case Type::integer: return std::hash<double>()(static_cast<double>(value.integer()));
    case Type::real:    return std::hash<double>()(value.real());
    case Type::boolean: return value.boolean() ? 0x9e3779b97f4a7c15u : 0x7f4a7c159e3779b9u;
    default:            return std::hash<std::string_view>()(value.text());
  }
}

}  // namespace vs::filter
