// A compiled filter: bytecode for a stack machine without backward jumps, so that it ends, and ends within a known time.
//
// A program is made by compile() and checked by verify() before it is used; evaluating it trusts what was checked and looks at
// nothing again. It is immutable and may be used by many threads at once. Errors: those of verify(); evaluating has none: what
// cannot be computed (an attribute that is not there, an overflow, a division by zero) is Verdict::error.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/filter/value.h"

namespace vs::filter {

inline constexpr std::size_t kInstructionsMax = 1024;
inline constexpr std::size_t kStackMax = 64;
inline constexpr std::size_t kListMax = 256;          // elements of a list
inline constexpr std::uint32_t kCostMax = 1'000'000;  // that a program may ever say it has

enum class Operation : std::uint8_t {
  constant,    // push constants[b]
  slot,        // push the event's value in slot b
  present,     // push whether slot b has a value
  size,        // of text or bytes
  to_integer, to_real,
  negate, complement,
  multiply, divide, remainder, add, subtract,
  compare,       // a: Comparison
  compare_slot,  // the event's value in slot a, against constants[b >> 8], by Comparison b & 255: what most filters are made of
  in,            // lists[b]
  starts_with, ends_with, contains,
  matches,       // patterns[b]
  both, either,  // of two truth values, either of which may be an error (as CEL's && and ||)
  // Forward, to instruction b:
  skip_if_false, skip_if_true,  // that stays on the stack
  skip_unless,                  // takes the condition off: past the first branch when it is false
  skip,
  check,         // an error or no truth value on top: an error stays there, and on to b (the end of a choice)
};

struct Instruction {
  Operation operation{};
  std::uint8_t unused = 0;
  std::uint16_t a = 0;
  std::uint32_t b = 0;
};
static_assert(sizeof(Instruction) == 8);

// A regular expression, compiled; linear in what it looks at.
class Pattern {
 public:
  // Errors: invalid, with what is wrong; exhausted, when it would take too much memory.
  static Result<Pattern> compile(const std::string& text);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();
  [[nodiscard]] bool found_in(std::string_view text) const;
  [[nodiscard]] std::uint32_t size() const;  // of the automaton

 private:
  struct Impl;
  explicit Pattern(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Constants in a list, found by hash when they are many.
class ConstantSet {
 public:
  explicit ConstantSet(std::vector<Value> values);
  [[nodiscard]] bool holds(const Value& value) const;
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }

 private:
  std::vector<Value> values_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_hash_;  // sorted; empty for few values
};

// That slot `slot` has one of `values` is necessary for a filter to match.
struct Requirement {
  std::uint32_t slot;
  std::vector<Value> values;
};

enum class Verdict : std::uint8_t { no, yes, error };

class Program {
 public:
  // The events' values by slot; a slot that is not there is absent.
  [[nodiscard]] Verdict evaluate(std::span<const Value> slots) const;

  // The most it takes, in nanoseconds of a machine that is slow: a bound to compare and add up, not a prediction.
  [[nodiscard]] std::uint32_t cost() const { return cost_; }
  // Equalities without which it cannot match, for an index; perhaps none.
  [[nodiscard]] const std::vector<Requirement>& requirements() const { return requirements_; }
  [[nodiscard]] std::span<const Instruction> instructions() const { return instructions_; }
  [[nodiscard]] std::size_t slots_used() const { return slots_used_; }  // the highest slot, plus one

 private:
  friend class Compiler;
  friend Result<> verify(Program& program);

  std::vector<Instruction> instructions_;
  std::vector<Value> constants_;
  std::vector<ConstantSet> lists_;
  std::vector<Pattern> patterns_;
  std::vector<Requirement> requirements_;
  std::vector<std::unique_ptr<std::string>> texts_;  // that constants point to
  std::uint32_t cost_ = 0;
  std::size_t slots_used_ = 0;
};

// Checks that every operation is known and has its operands, that jumps go forward and inside, that the stack has the same depth
// on each way to an instruction, never more than kStackMax, and one value at the end; and computes the cost.
// Errors: invalid, for a program that compile() would not have made.
Result<> verify(Program& program);

}  // namespace vs::filter
