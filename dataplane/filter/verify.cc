#include <algorithm>
#include <optional>
#include <string>

#include "dataplane/filter/program.h"

namespace vs::filter {
namespace {

// In nanoseconds; texts are at most this long (a channel's limit on attributes, kTextBytesMax on constants).
constexpr std::uint32_t kStep = 3;
constexpr std::uint32_t kTextBytesAssumed = 4096;
constexpr std::uint32_t kCompareText = kTextBytesAssumed / 32;
constexpr std::uint32_t kSearchText = kTextBytesAssumed / 4;
constexpr std::uint32_t kMatchText = kTextBytesAssumed * 4;

struct Effect {
  int takes = 0;
  int gives = 1;
  std::uint32_t cost = kStep;
  bool jumps = false;
};

Effect effect_of(const Instruction& instruction) {
  switch (instruction.operation) {
    case Operation::constant: case Operation::slot: case Operation::present: return {};
    case Operation::size: case Operation::to_integer: case Operation::to_real: case Operation::negate: case Operation::complement:
      return {.takes = 1};
    case Operation::multiply: case Operation::divide: case Operation::remainder: case Operation::add: case Operation::subtract:
    case Operation::both: case Operation::either:
      return {.takes = 2};
    case Operation::compare:      return {.takes = 2, .cost = kCompareText};
    case Operation::compare_slot: return {.cost = kCompareText};
    case Operation::in:           return {.takes = 1, .cost = 10 * kCompareText};
    case Operation::starts_with: case Operation::ends_with: return {.takes = 2, .cost = kCompareText};
    case Operation::contains:     return {.takes = 2, .cost = kSearchText};
    case Operation::matches:      return {.takes = 1, .cost = kMatchText};
    case Operation::skip_if_false: case Operation::skip_if_true: case Operation::check:
      return {.takes = 1, .jumps = true};
    case Operation::skip_unless: return {.takes = 1, .gives = 0, .jumps = true};
    case Operation::skip:        return {.takes = 0, .gives = 0, .jumps = true};
  }
  return {.takes = -1};
}

tl::unexpected<Error> refuse(std::size_t at, const char* what) {
  return fail(ErrorCode::invalid, "program: instruction " + std::to_string(at) + ": " + what);
}

}  // namespace

Result<> verify(Program& program) {
  const auto& code = program.instructions_;
  if (code.empty() || code.size() > kInstructionsMax) return fail(ErrorCode::invalid, "program: too long, or empty");
  std::vector<std::optional<int>> depth(code.size() + 1);  // before each instruction, as far as a way to it is known
  depth[0] = 0;
  std::uint32_t cost = 0;
  program.slots_used_ = 0;
  const auto reach = [&](std::size_t at, int with) {
    if (depth[at] && *depth[at] != with) return false;
    depth[at] = with;
    return true;
  };
  for (std::size_t at = 0; at < code.size(); ++at) {
    const Instruction& now = code[at];
    if (!depth[at]) return refuse(at, "never reached");
    const Effect effect = effect_of(now);
    if (effect.takes < 0 || now.unused != 0) return refuse(at, "unknown");
    if (*depth[at] < effect.takes) return refuse(at, "takes more than there is");
    const int after = *depth[at] - effect.takes + effect.gives;
    if (after > static_cast<int>(kStackMax)) return refuse(at, "the stack is full");
    const bool by_slot = now.operation == Operation::slot || now.operation == Operation::present;
    if (by_slot) program.slots_used_ = std::max<std::size_t>(program.slots_used_, now.b + std::size_t{1});
    bool operands = true;
    switch (now.operation) {
      case Operation::constant: operands = now.b < program.constants_.size(); break;
      case Operation::compare: operands = now.a <= static_cast<std::uint16_t>(Comparison::at_least); break;
      case Operation::compare_slot:
        operands = (now.b & 0xff) <= static_cast<std::uint32_t>(Comparison::at_least) && now.b >> 8 < program.constants_.size();
        program.slots_used_ = std::max<std::size_t>(program.slots_used_, now.a + std::size_t{1});
        break;
      case Operation::in: operands = now.b < program.lists_.size(); break;
      case Operation::matches: operands = now.b < program.patterns_.size(); break;
      default: break;
    }
    if (!operands) return refuse(at, "an operand that is not there");
    if (effect.jumps) {
      if (now.b <= at || now.b > code.size()) return refuse(at, "a jump that is not forward");
      if (!reach(now.b, after)) return refuse(at, "ways of different depth");
    }
    if (now.operation != Operation::skip && !reach(at + 1, after)) return refuse(at, "ways of different depth");
    cost += effect.cost;
  }
  if (depth[code.size()] != 1) return fail(ErrorCode::invalid, "program: ends with more than a value, or none");
  if (cost > kCostMax) return fail(ErrorCode::invalid, "program: costs too much");
  program.cost_ = cost;
  return {};
}

}  // namespace vs::filter
