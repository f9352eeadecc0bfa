// The parts that both roles' steps are made of. Inside of vsmgrd/migration. Pure; thread-safe.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "vsmgrd/migration/machine.h"

namespace vs::handoff {

Step step_of_source(const Record& record, const Event& event, const Surroundings& around);
Step step_of_destination(const Record& record, const Event& event, const Surroundings& around);

// Nothing changes.
inline Step stay(const Record& record) {
  Step step;
  step.record = record;
  return step;
}

// The next phase, durable, with its deadline.
inline Step enter(const Record& record, Phase phase, const Surroundings& around) {
  Step step = stay(record);
  step.record.phase = phase;
  step.durable = true;
  auto& timers = step.record.volatile_;
  timers.entered = around.now;
  timers.deadline = around.now + limit_of(around.limits, phase);
  timers.pause = around.limits.resend;
  timers.resend = around.now + timers.pause;
  timers.ready = false;
  return step;
}

// It ends, or is in doubt, or is given back. What was to be sent again no longer is.
inline Step conclude(const Record& record, Outcome outcome, std::string reason, const Surroundings& around) {
  Step step = stay(record);
  step.record.outcome = outcome;
  step.record.reason = std::move(reason);
  if (step.record.reason.size() > kReasonBytesMax) step.record.reason.resize(kReasonBytesMax);
  step.durable = true;
  auto& timers = step.record.volatile_;
  timers.entered = around.now;
  timers.deadline = Time::max();
  timers.pause = around.limits.resend;
  timers.resend = ended(outcome) ? Time::max() : around.now + timers.pause;
  return step;
}

// Whether what was not answered is to be sent again now; then the next pause is twice as long.
inline bool resend_is_due(Record& record, const Surroundings& around) {
  auto& timers = record.volatile_;
  if (around.now < timers.resend) return false;
  timers.pause = std::min(std::max(timers.pause, Time{1}) * 2, around.limits.resend_max);
  timers.resend = around.now + timers.pause;
  return true;
}

// A request of this record's node to its peer.
inline Message request(const Record& record, Verb verb) {
  Message message{.id = record.id, .verb = verb, .from = record.node, .to = record.peer, .domain = record.domain,
                  .version = record.version};
  if (!record.peer_secret.empty()) message.cookie = cookie_of(record.peer_secret, message);
  return message;
}

inline Message answer(const Record& record, const Message& to, Answer answer, std::string reason = {}) {
  Message message = answer_to(to, answer, std::move(reason));
  message.version = record.version;
  if (!record.peer_secret.empty()) message.cookie = cookie_of(record.peer_secret, message);
  return message;
}

inline Step refuse(const Record& record, std::string why) {
  Step step = stay(record);
  step.refusal = std::move(why);
  return step;
}

}  // namespace vs::handoff
