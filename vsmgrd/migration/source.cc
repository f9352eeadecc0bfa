// The source's half of the machine: it drives, the destination answers.
#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/migration/steps.h"

namespace vs::handoff {
namespace of_source {  // one translation unit holds both roles
namespace {

bool before_commit(const Record& record) { return record.phase < Phase::commit; }

// What the phase asks of the destination; of begin and freeze: nothing.
std::optional<Message> question(const Record& record) {
  switch (record.phase) {
    case Phase::check:  return request(record, Verb::check);
    case Phase::prepare: {
      Message message = request(record, Verb::prepare);
      message.secret = record.own_secret;
      message.bindings = record.bindings;
      message.parcel = record.parcel;
      return message;
    }
    case Phase::transfer:
    case Phase::freeze: return request(record, Verb::transfer);  // renews the lease
    case Phase::commit: {
      Message message = request(record, Verb::commit);
      if (record.version >= 2) message.states = record.volatile_.states;
      return message;
    }
    case Phase::finish:  return request(record, Verb::finish);
    case Phase::confirm: return request(record, Verb::confirm);
    case Phase::begin:   return std::nullopt;
  }
  __builtin_unreachable();
}

void ask_the_peer(Step& step) {
  if (auto message = question(step.record)) step.deeds.push_back(Send{std::move(*message)});
}

Step go_to(const Record& record, Phase phase, const Surroundings& around) {
  Step step = enter(record, phase, around);
  if (phase == Phase::finish) step.record.volatile_.deadline = around.now + 2 * around.limits.finish;  // the destination gives up first
  if (phase == Phase::confirm) {
    step.record.volatile_.deadline = around.now + around.limits.tombstone;
    step.deeds.push_back(Release{});
  }
  if (phase != Phase::freeze) ask_the_peer(step);
  return step;
}

// The destination is to hear of it.
void tell_cancelled(Step& step, const Surroundings& around) {
  step.record.untold = true;
  step.record.volatile_.resend = around.now + around.limits.resend;
  step.record.volatile_.deadline = around.now + around.limits.lease;  // by then it has dropped it by itself
  Message message = request(step.record, Verb::cancel);
  message.reason = step.record.reason;
  step.deeds.push_back(Send{std::move(message)});
}

// The source serves on. That is so whether or not the disk says it: a restart before commit comes to the same.
Step abort(const Record& record, std::string reason, const Surroundings& around) {
  Step step = conclude(record, Outcome::cancelled, std::move(reason), around);
  step.regardless = true;
  if (record.phase == Phase::freeze) step.deeds.push_back(Thaw{});
  if (!record.peer_secret.empty()) tell_cancelled(step, around);
  return step;
}

Step freeze(const Record& record, const Surroundings& around) {
  Step step = go_to(record, Phase::freeze, around);
  step.record.volatile_.froze = around.now;
  step.record.volatile_.resend = record.manual ? around.now + around.limits.lease / 3 : Time::max();
  step.deeds.push_back(Freeze{around.limits.freeze});
  return step;
}

// The point of no return: from the moment this is written, the source owns the bindings no more.
Step commit(const Record& record, const Surroundings& around) {
  Step step = enter(record, Phase::commit, around);
  for (const MovedBinding& moved : record.bindings)
    step.standings.push_back({.binding = moved.name, .epoch = moved.epoch + 1, .owner = record.peer});
  step.deeds.push_back(Withdraw{});
  return step;
}

Step take_back(const Record& record, std::string reason, const Surroundings& around) {
  Step step = conclude(record, Outcome::taken_back, std::move(reason), around);
  for (const MovedBinding& moved : record.bindings)
    step.standings.push_back({.binding = moved.name, .epoch = moved.epoch + 2, .owner = record.node});
  return step;
}

Step on_tick(const Record& record, const Surroundings& around) {
  if (record.outcome == Outcome::cancelled) {
    if (!record.untold) return stay(record);
    Step step = stay(record);
    if (around.now >= record.volatile_.deadline) {
      step.record.untold = false;
      step.record.volatile_.deadline = step.record.volatile_.resend = Time::max();
      step.durable = step.regardless = true;
    } else if (resend_is_due(step.record, around)) {
      step.deeds.push_back(Send{request(step.record, Verb::cancel)});
    }
    return step;
  }
  if (ended(record.outcome)) return stay(record);
  if (around.now >= record.volatile_.deadline) {
    if (before_commit(record))
      return abort(record, fmt::format("phase {} took longer than {} ms", name_of(record.phase),
                                       (record.volatile_.deadline - record.volatile_.entered).count()), around);
    if (record.phase == Phase::confirm) return conclude(record, Outcome::done, "the destination never said that it knows", around);
    Step step = conclude(record, Outcome::in_doubt,
                         fmt::format("node {} does not say what became of {}: it is served here by nobody until it does, or an operator "
                                     "resolves it", record.peer, record.domain), around);
    step.record.volatile_.resend = around.now;
    return step;
  }
  Step step = stay(record);
  if (!resend_is_due(step.record, around)) return step;
  if (record.phase == Phase::begin) step.deeds.push_back(Take{});
  if (record.phase == Phase::commit && !record.volatile_.ready) step.deeds.push_back(Withdraw{});
  if (record.phase == Phase::confirm) step.deeds.push_back(Release{});
  if (record.phase == Phase::transfer && record.volatile_.ready) step.record.volatile_.resend = around.now + around.limits.lease / 3;
  if (record.phase == Phase::freeze) step.record.volatile_.resend = around.now + around.limits.lease / 3;
  if (record.phase != Phase::commit || record.volatile_.ready) ask_the_peer(step);
  return step;
}

// vsmgrd was gone. What was not committed is cancelled; what was goes on.
Step on_woken(const Record& record, const Surroundings& around) {
  if (ended(record.outcome)) {
    Step step = stay(record);
    step.record.volatile_.deadline = step.record.volatile_.resend = Time::max();
    if (record.untold) {
      step.deeds.push_back(Thaw{});  // it may have ended between the word and the deed
      step.record.volatile_.resend = around.now;
      step.record.volatile_.deadline = around.now + around.limits.lease;
    }
    return step;
  }
  if (before_commit(record)) {
    Step step = abort(record, "vsmgrd of the source was started again", around);
    step.deeds.insert(step.deeds.begin(), Thaw{});
    return step;
  }
  Step step = enter(record, record.phase, around);
  step.durable = false;
  if (record.phase == Phase::commit) step.deeds.push_back(Withdraw{});
  if (record.phase == Phase::confirm) step.record.volatile_.deadline = around.now + around.limits.tombstone;
  step.record.volatile_.resend = around.now;
  return step;
}

Step checked(const Record& record, const Message& message, const Surroundings& around) {
  if (message.version > around.versions.newest || message.version < around.versions.oldest)
    return abort(record, fmt::format("node {} speaks version {} of the protocol, this one {} to {}", record.peer, message.version,
                                     around.versions.oldest, around.versions.newest), around);
  Step step = go_to(record, Phase::begin, around);
  step.record.version = message.version;
  step.deeds.push_back(Take{});
  return step;
}

Step prepared(const Record& record, const Message& message, const Surroundings& around) {
  if (message.secret.size() != kSecretBytes) return stay(record);
  Record next = record;
  next.peer_secret = message.secret;
  return go_to(next, Phase::transfer, around);
}

Step transferred(const Record& record, const Surroundings& around) {
  if (!record.manual) return freeze(record, around);
  if (record.volatile_.ready) return stay(record);
  Step step = stay(record);
  step.record.volatile_.ready = true;
  step.record.volatile_.deadline = around.now + around.limits.manual;
  step.record.volatile_.resend = around.now + around.limits.lease / 3;
  return step;
}

Step on_ok(const Record& record, const Message& message, const Surroundings& around) {
  switch (message.verb) {
    case Verb::check:    return record.phase == Phase::check ? checked(record, message, around) : stay(record);
    case Verb::prepare:  return record.phase == Phase::prepare ? prepared(record, message, around) : stay(record);
    case Verb::transfer: return record.phase == Phase::transfer ? transferred(record, around) : stay(record);
    case Verb::commit:   return record.phase == Phase::commit ? go_to(record, Phase::finish, around) : stay(record);
    case Verb::finish:   return record.phase == Phase::finish ? go_to(record, Phase::confirm, around) : stay(record);
    case Verb::confirm:  return record.phase == Phase::confirm ? conclude(record, Outcome::done, "", around) : stay(record);
    case Verb::cancel:
    case Verb::ask:      return stay(record);
  }
  __builtin_unreachable();
}

// Whether the answer is to what is being asked now.
bool answers_now(const Record& record, const Message& message) {
  const auto asked = question(record);
  return asked && asked->verb == message.verb;
}

// The destination was gone, and is back: it has accepted, so much is sure.
Step on_ask(const Record& record, const Message& message, const Surroundings& around) {
  if (record.outcome == Outcome::taken_back) {
    Step step = stay(record);
    step.deeds.push_back(Send{answer(record, message, Answer::taken_back, record.reason)});
    return step;
  }
  if (record.outcome == Outcome::cancelled || before_commit(record)) {
    Step step = stay(record);
    step.deeds.push_back(Send{answer(record, message, Answer::refused, "it was not committed: " + record.reason)});
    return step;
  }
  Step step = record.phase == Phase::commit ? go_to(record, Phase::finish, around) : stay(record);
  step.deeds.push_back(Send{answer(step.record, message, Answer::ok)});
  return step;
}

// It was cancelled before the destination had agreed to anything: now it can be told, and need not hold ready what nobody wants.
Step prepared_late(const Record& record, const Message& message, const Surroundings& around) {
  Step step = stay(record);
  if (!record.peer_secret.empty() || message.secret.size() != kSecretBytes) return step;
  step.record.peer_secret = message.secret;
  step.durable = step.regardless = true;
  tell_cancelled(step, around);
  return step;
}

// Who is heard is no longer doubted.
Record without_doubt(const Record& record, const Surroundings& around) {
  if (record.outcome != Outcome::in_doubt) return record;
  Record next = enter(record, record.phase, around).record;
  next.volatile_.ready = record.volatile_.ready;
  next.outcome = Outcome::running;
  next.reason.clear();
  return next;
}

Step on_heard(const Record& doubted, const Message& message, const Surroundings& around) {
  // Who cannot prove a refusal may refuse all the same before the commit: the source serves on.
  const bool needs_proof = message.verb != Verb::check && !(message.answer == Answer::refused && before_commit(doubted));
  if (needs_proof && !has_cookie(message, doubted.own_secret)) return refuse(doubted, "the cookie does not fit");
  const bool came_back = doubted.outcome == Outcome::in_doubt;
  const Record record = without_doubt(doubted, around);
  Step step = stay(record);
  if (message.answer == Answer::none) {
    if (message.verb != Verb::ask) return stay(doubted);
    step = on_ask(record, message, around);
  } else if (record.outcome == Outcome::cancelled) {
    if (message.verb == Verb::prepare && message.answer == Answer::ok) return prepared_late(record, message, around);
    if (message.verb != Verb::cancel || !record.untold) return step;
    step.record.untold = false;
    step.record.volatile_.deadline = step.record.volatile_.resend = Time::max();
    step.durable = step.regardless = true;
    return step;
  } else if (ended(record.outcome)) {
    return step;
  } else if (message.answer == Answer::ok) {
    step = on_ok(record, message, around);
  } else if (message.answer == Answer::given_back) {
    const bool asked = message.verb == Verb::commit || message.verb == Verb::finish;
    if (asked && (record.phase == Phase::commit || record.phase == Phase::finish))
      step = take_back(record, fmt::format("node {} gave it back: {}", record.peer, message.reason), around);
    else if (before_commit(record) && record.phase >= Phase::transfer)
      return abort(record, fmt::format("node {}: {}", record.peer, message.reason), around);
  } else if (message.answer == Answer::refused && before_commit(record) && answers_now(record, message)) {
    return abort(record, fmt::format("node {} refuses: {}", record.peer, message.reason), around);
  }
  step.durable = step.durable || came_back;  // no longer in doubt
  return step;
}

Step on_said(const Record& record, Word word, const Surroundings& around) {
  const bool doubt = record.outcome == Outcome::in_doubt;
  switch (word) {
    case Word::cancel:
      if (ended(record.outcome)) return refuse(record, fmt::format("it has ended already: {}", name_of(record.outcome)));
      if (!before_commit(record))
        return refuse(record, fmt::format("it is committed: node {} owns the bindings; what is in doubt can be resolved", record.peer));
      return abort(record, "cancelled by an operator", around);
    case Word::freeze:
      if (!record.manual || record.outcome != Outcome::running || record.phase != Phase::transfer || !record.volatile_.ready)
        return refuse(record, "it does not wait for a freeze");
      return freeze(record, around);
    case Word::commit:
      if (!record.manual || record.outcome != Outcome::running || record.phase != Phase::freeze || !record.volatile_.ready)
        return refuse(record, "it is not frozen");
      return commit(record, around);
    case Word::take_back:
      if (!doubt) return refuse(record, "it is not in doubt");
      return take_back(record, "taken back by an operator's word", around);
    case Word::give_up:
      if (!doubt) return refuse(record, "it is not in doubt");
      return conclude(record, Outcome::done, "left to the destination by an operator's word", around);
    case Word::keep: return refuse(record, "only a destination can keep what it has");
  }
  __builtin_unreachable();
}

struct Stepper {
  const Record& record;
  const Surroundings& around;

  [[nodiscard]] bool running_in(Phase phase) const { return record.outcome == Outcome::running && record.phase == phase; }

  Step operator()(const Tick&) const { return on_tick(record, around); }
  Step operator()(const Woken&) const { return on_woken(record, around); }
  Step operator()(const Heard& heard) const { return on_heard(record, heard.message, around); }
  Step operator()(const Said& said) const { return on_said(record, said.word, around); }
  Step operator()(const Taken& taken) const {
    if (!running_in(Phase::begin)) return stay(record);
    if (!taken.refusal.empty()) return abort(record, taken.refusal, around);
    Record next = record;
    next.bindings = taken.bindings;
    next.parcel = taken.parcel;
    return go_to(next, Phase::prepare, around);
  }
  Step operator()(const Frozen& frozen) const {
    if (!running_in(Phase::freeze) || record.volatile_.ready) return stay(record);
    if (!frozen.refusal.empty()) return abort(record, frozen.refusal, around);
    Record next = record;
    next.volatile_.states = frozen.states;
    next.volatile_.ready = true;
    return record.manual ? stay(next) : commit(next, around);
  }
  Step operator()(const Withdrawn&) const {
    if (record.phase != Phase::commit || ended(record.outcome) || record.volatile_.ready) return stay(record);
    Step step = stay(record);
    step.record.volatile_.ready = true;
    ask_the_peer(step);
    return step;
  }
  Step operator()(const Serving&) const { return stay(record); }
  Step operator()(const NotServing&) const { return stay(record); }
};

}  // namespace
}  // namespace of_source

Step step_of_source(const Record& record, const Event& event, const Surroundings& around) {
  return std::visit(of_source::Stepper{record, around}, event);
}

}  // namespace vs::handoff
