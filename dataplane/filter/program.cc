#include "dataplane/filter/program.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

namespace vs::filter {
namespace {

constexpr std::size_t kFewConstants = 8;

Value arithmetic(Operation operation, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  bool failed = false;
  switch (operation) {
    case Operation::multiply: failed = __builtin_mul_overflow(left, right, &result); break;
    case Operation::add:      failed = __builtin_add_overflow(left, right, &result); break;
    case Operation::subtract: failed = __builtin_sub_overflow(left, right, &result); break;
    default:
      failed = right == 0 || (right == -1 && left == std::numeric_limits<std::int64_t>::min());
      if (!failed) result = operation == Operation::divide ? left / right : left % right;
  }
  return failed ? Value::error() : Value(result);
}

double as_real(const Value& value) {
  return value.type() == Type::integer ? static_cast<double>(value.integer()) : value.real();
}

// Two integers give an integer; a real among them gives a real. There is no remainder of reals.
Value arithmetic(Operation operation, const Value& left, const Value& right) {
  if (!left.is_number() || !right.is_number()) return Value::error();
  if (left.type() == Type::integer && right.type() == Type::integer)
    return arithmetic(operation, left.integer(), right.integer());
  const double a = as_real(left);
  const double b = as_real(right);
  switch (operation) {
    case Operation::multiply: return Value(a * b);
    case Operation::add:      return Value(a + b);
    case Operation::subtract: return Value(a - b);
    case Operation::divide:   return Value(a / b);
    default:                  return Value::error();
  }
}

Value negated(const Value& value) {
  if (value.type() == Type::real) return Value(-value.real());
  return value.type() == Type::integer ? arithmetic(Operation::subtract, 0, value.integer()) : Value::error();
}

Value to_integer(const Value& value) {
  if (value.type() == Type::integer) return value;
  if (value.type() != Type::real || !(std::abs(value.real()) < 9223372036854775808.0)) return Value::error();
  return Value(static_cast<std::int64_t>(value.real()));
}

Value search(Operation operation, const Value& text, const Value& part) {
  if (!text.is_string() || text.type() != part.type()) return Value::error();
  switch (operation) {
    case Operation::starts_with: return Value(text.text().starts_with(part.text()));
    case Operation::ends_with:   return Value(text.text().ends_with(part.text()));
    default:  // memmem is linear in what it looks through
      return Value(::memmem(text.text().data(), text.text().size(), part.text().data(), part.text().size()) != nullptr ||
                   part.text().empty());
  }
}

Value joined(bool decides, const Value& left, const Value& right) {
  if (left.is(decides) || right.is(decides)) return Value(decides);
  if (left.type() != Type::boolean || right.type() != Type::boolean) return Value::error();
  return Value(!decides);
}

template <class Number>
bool holds(Number left, Comparison how, Number right) {
  switch (how) {
    case Comparison::equal:     return left == right;
    case Comparison::not_equal: return left != right;
    case Comparison::less:      return left < right;
    case Comparison::at_most:   return left <= right;
    case Comparison::more:      return left > right;
    case Comparison::at_least:  return left >= right;
  }
  __builtin_unreachable();
}

// compare(), with what most filters ask first.
Value compare_fast(const Value& left, Comparison how, const Value& right) {
  if (left.type() == Type::integer && right.type() == Type::integer) return Value(holds(left.integer(), how, right.integer()));
  if (left.type() == Type::real && right.type() == Type::real) return Value(holds(left.real(), how, right.real()));
  return compare(left, how, right);
}

const Value kAbsent{};

const Value& value_in(std::span<const Value> slots, std::uint32_t slot) { return slot < slots.size() ? slots[slot] : kAbsent; }

}  // namespace

ConstantSet::ConstantSet(std::vector<Value> values) : values_(std::move(values)) {
  if (values_.size() <= kFewConstants) return;
  for (std::uint32_t index = 0; index < values_.size(); ++index) by_hash_.emplace_back(hash_of(values_[index]), index);
  std::sort(by_hash_.begin(), by_hash_.end());
}

bool ConstantSet::holds(const Value& value) const {
  const auto same = [&](const Value& one) { return compare(value, Comparison::equal, one).is(true); };
  if (by_hash_.empty()) return std::any_of(values_.begin(), values_.end(), same);
  const std::uint64_t hash = hash_of(value);
  auto at = std::lower_bound(by_hash_.begin(), by_hash_.end(), std::pair(hash, std::uint32_t{0}));
  for (; at != by_hash_.end() && at->first == hash; ++at)
    if (same(values_[at->second])) return true;
  return false;
}

Verdict Program::evaluate(std::span<const Value> slots) const {
  // Not filled with values that nobody reads; the depth at each instruction was checked.
  alignas(Value) std::byte room[kStackMax * sizeof(Value)];
  Value* const stack = reinterpret_cast<Value*>(room);
  Value* top = stack - 1;
  const Instruction* const code = instructions_.data();
  const std::size_t count = instructions_.size();
  for (std::size_t at = 0; at < count; ++at) {
    const Instruction& now = code[at];
    switch (now.operation) {
      case Operation::constant: *++top = constants_[now.b]; break;
      case Operation::slot: *++top = value_in(slots, now.b); break;
      case Operation::present: *++top = Value(value_in(slots, now.b).type() != Type::absent); break;
      case Operation::size:
        *top = top->is_string() ? Value(static_cast<std::int64_t>(top->text().size())) : Value::error();
        break;
      case Operation::to_integer: *top = to_integer(*top); break;
      case Operation::to_real: *top = top->is_number() ? Value(as_real(*top)) : Value::error(); break;
      case Operation::negate: *top = negated(*top); break;
      case Operation::complement: *top = top->type() == Type::boolean ? Value(!top->boolean()) : Value::error(); break;
      case Operation::multiply: case Operation::divide: case Operation::remainder: case Operation::add: case Operation::subtract:
        --top;
        *top = arithmetic(now.operation, top[0], top[1]);
        break;
      case Operation::compare:
        --top;
        *top = compare(top[0], static_cast<Comparison>(now.a), top[1]);
        break;
      case Operation::compare_slot:
        *++top = compare_fast(value_in(slots, now.a), static_cast<Comparison>(now.b & 0xff), constants_[now.b >> 8]);
        break;
      case Operation::in:
        *top = top->type() == Type::absent || top->type() == Type::error ? Value::error() : Value(lists_[now.b].holds(*top));
        break;
      case Operation::starts_with: case Operation::ends_with: case Operation::contains:
        --top;
        *top = search(now.operation, top[0], top[1]);
        break;
      case Operation::matches:
        *top = top->type() == Type::text ? Value(patterns_[now.b].found_in(top->text())) : Value::error();
        break;
      case Operation::both: case Operation::either:
        --top;
        *top = joined(now.operation == Operation::either, top[0], top[1]);
        break;
      case Operation::skip_if_false:
        if (top->is(false)) at = now.b - 1;
        break;
      case Operation::skip_if_true:
        if (top->is(true)) at = now.b - 1;
        break;
      case Operation::check:
        if (top->type() == Type::boolean) break;
        *top = Value::error();
        at = now.b - 1;
        break;
      case Operation::skip_unless:
        if (!(top--)->boolean()) at = now.b - 1;
        break;
      case Operation::skip: at = now.b - 1; break;
    }
  }
  if (top->type() != Type::boolean) return Verdict::error;
  return top->boolean() ? Verdict::yes : Verdict::no;
}

}  // namespace vs::filter
