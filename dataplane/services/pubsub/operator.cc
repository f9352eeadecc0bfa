#include "dataplane/services/pubsub/operator.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vs::pubsub {

using filter::Aggregate;
using filter::Field;
using filter::OperatorKind;
using filter::Type;
using filter::Value;

namespace {

const Value* find_attribute(const Draft& draft, std::string_view name) {
  const auto found = std::find_if(draft.attributes.begin(), draft.attributes.end(), [&](const auto& one) { return one.first == name; });
  return found == draft.attributes.end() ? nullptr : &found->second;
}

// nullopt: there is none that can be computed with.
std::optional<double> finite_number(const Draft& draft, std::string_view name) {
  const Value* value = find_attribute(draft, name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double number = value->type() == Type::integer ? static_cast<double>(value->integer()) : value->real();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

// By bits: a NaN is the same as itself.
bool same_value(const Value* one, const Value* other) {
  if (one == nullptr || other == nullptr) return one == other;
  if (one->type() != other->type()) return false;
  if (one->is_string()) return one->text() == other->text();
  if (one->type() != Type::real) return one->integer() == other->integer();
  const double left = one->real(), right = other->real();
  return std::memcmp(&left, &right, sizeof left) == 0;
}

std::size_t bytes_held(const Draft& draft) { return draft.base != nullptr ? draft.base->bytes().size() : 0; }

}  // namespace

std::optional<Draft> Operator::take(Draft draft, TimePoint now) {
  switch (terms_.kind) {
    case OperatorKind::project:   return project(std::move(draft));
    case OperatorKind::sample:    return sample(std::move(draft));
    case OperatorKind::throttle:  return throttle(std::move(draft), now);
    case OperatorKind::on_change: return on_change(std::move(draft));
    case OperatorKind::window:    return gather(std::move(draft), now);
    case OperatorKind::debounce: {
      const auto state = state_of(draft);
      state->when = now + terms_.time;
      touch(state);
      hold(state, draft);
      return std::nullopt;
    }
  }
  __builtin_unreachable();
}

Operator::States::iterator Operator::state_of(const Draft& draft) {
  const auto [place, made] = by_key_.try_emplace(terms_.all ? std::string() : draft.state_key);
  if (!made) return place->second;
  place->second = states_.insert(states_.end(), State{});
  place->second->state_key = place->first;
  const auto state = place->second;
  if (states_.size() > kKeysMax) {
    forget(states_.begin());
    ++counts_.forgotten;
  }
  return state;
}

void Operator::forget(States::iterator state) {
  if (state->held) held_bytes_ -= bytes_held(*state->held);
  by_key_.erase(state->state_key);
  states_.erase(state);
}

// The state is the last of all, so it is never forgotten for its own sake.
void Operator::hold(States::iterator state, const Draft& draft) {
  if (state->held) held_bytes_ -= bytes_held(*state->held);
  state->held = draft;
  held_bytes_ += bytes_held(draft);
  while (held_bytes_ > kHeldBytesMax && states_.begin() != state) {
    forget(states_.begin());
    ++counts_.forgotten;
  }
}

Draft Operator::project(Draft draft) const {
  const auto keeps = [&](Field::Of of, std::string_view name) {
    return std::any_of(terms_.fields.begin(), terms_.fields.end(),
                       [&](const Field& field) { return field.of == of && field.name == name; });
  };
  std::erase_if(draft.attributes, [&](const auto& one) { return !keeps(Field::Of::attribute, one.first); });
  if (!keeps(Field::Of::payload, {})) {
    draft.payload = {};
    draft.content_type = {};
  }
  return draft;
}

std::optional<Draft> Operator::sample(Draft draft) {
  const auto state = state_of(draft);
  touch(state);
  const bool passes = state->count == 0;
  state->count = (state->count + 1) % terms_.count;
  return passes ? std::optional(std::move(draft)) : std::nullopt;
}

std::optional<Draft> Operator::throttle(Draft draft, TimePoint now) {
  const auto state = state_of(draft);
  touch(state);
  if (state->count != 0 && now < state->when) return std::nullopt;
  state->count = 1;
  state->when = now + std::chrono::nanoseconds(std::chrono::seconds(1)) / static_cast<std::int64_t>(terms_.count);
  return draft;
}

bool Operator::same(const Draft& one, const Draft& other) const {
  return std::all_of(terms_.fields.begin(), terms_.fields.end(), [&](const Field& field) {
    switch (field.of) {
      case Field::Of::key:     return one.key == other.key;
      case Field::Of::payload: return std::equal(one.payload.begin(), one.payload.end(), other.payload.begin(), other.payload.end());
      case Field::Of::attribute:
        return same_value(find_attribute(one, field.name), find_attribute(other, field.name));
    }
    __builtin_unreachable();
  });
}

std::optional<Draft> Operator::on_change(Draft draft) {
  const auto state = state_of(draft);
  touch(state);
  if (state->held && same(*state->held, draft)) return std::nullopt;
  hold(state, draft);
  return draft;
}

std::optional<Draft> Operator::gather(Draft draft, TimePoint now) {
  std::vector<double> numbers;
  for (const Aggregate& aggregate : terms_.aggregates) {
    const auto number = finite_number(draft, aggregate.of.name);
    if (!number) {
      ++counts_.errors;
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  const auto state = state_of(draft);
  if (terms_.count != 0) touch(state);  // those over time stay in the order in which they end
  if (state->count == 0) {
    state->when = now + terms_.time;
    state->sums.resize(numbers.size());
    if (!terms_.all) state->key = draft.key;
  }
  for (std::size_t at = 0; at < numbers.size(); ++at) {
    Sums& sums = state->sums[at];
    sums.sum += numbers[at];
    sums.min = state->count == 0 ? numbers[at] : std::min(sums.min, numbers[at]);
    sums.max = state->count == 0 ? numbers[at] : std::max(sums.max, numbers[at]);
  }
  if (++state->count != terms_.count) return std::nullopt;  // of a window over time it is 0
  return close(state);
}

std::optional<Draft> Operator::close(States::iterator state) {
  Draft made;
  made.state_key = state->state_key;
  made.key = std::move(state->key);
  bool finite = true;
  for (std::size_t at = 0; at < terms_.aggregates.size(); ++at) {
    const Aggregate& aggregate = terms_.aggregates[at];
    const Sums& sums = state->sums[at];
    const double number = aggregate.function == Aggregate::Function::min   ? sums.min
                          : aggregate.function == Aggregate::Function::max ? sums.max
                                                                           : sums.sum / static_cast<double>(state->count);
    finite = finite && std::isfinite(number);
    made.attributes.emplace_back(aggregate.result, Value(number));
  }
  made.attributes.emplace_back(filter::kWindowCount, Value(static_cast<std::int64_t>(state->count)));
  forget(state);
  if (finite) return made;
  ++counts_.errors;
  return std::nullopt;
}

std::optional<Operator::TimePoint> Operator::due() const {
  return timed() && !states_.empty() ? std::optional(states_.front().when) : std::nullopt;
}

std::optional<Draft> Operator::expire(TimePoint now) {
  const auto first = states_.begin();
  if (!timed() || first == states_.end() || now < first->when) return std::nullopt;
  if (terms_.kind == OperatorKind::window) return close(first);
  Draft held = std::move(*first->held);
  held_bytes_ -= bytes_held(held);
  first->held.reset();
  forget(first);
  return held;
}

}  // namespace vs::pubsub
