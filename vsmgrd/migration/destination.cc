// The destination's half of the machine: it answers, and asks only when it was gone.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/migration/steps.h"

namespace vs::handoff {
namespace of_destination {  // one translation unit holds both roles
namespace {

bool accepted(const Record& record) { return record.phase >= Phase::finish; }

Step reply(Step step, const Message& message, Answer said, std::string reason = {}) {
  step.deeds.insert(step.deeds.begin(), Send{answer(step.record, message, said, std::move(reason))});
  return step;
}

// Not before it accepted: nothing was served. A restart comes to the same, so the disk need not say it.
Step forget(const Record& record, std::string reason, const Surroundings& around) {
  Step step = conclude(record, Outcome::cancelled, std::move(reason), around);
  step.regardless = true;
  step.deeds.push_back(Drop{});
  return step;
}

// From the moment this is written, this node owns the bindings.
Step accept(const Record& record, const Message& go, const Surroundings& around) {
  Step step = enter(record, Phase::finish, around);
  for (const MovedBinding& moved : record.bindings)
    step.standings.push_back({.binding = moved.name, .epoch = moved.epoch + 1, .owner = record.node});
  if (!go.states.empty()) step.deeds.push_back(Stage{go.states});
  step.deeds.push_back(Serve{});
  return reply(std::move(step), go, Answer::ok);
}

// It will never serve. That is durable before the backends are told; permission is given when they have confirmed it.
Step give_back(const Record& record, std::string reason, std::uint64_t epochs_more, const Surroundings& around) {
  Step step = conclude(record, Outcome::giving_back, std::move(reason), around);
  for (const MovedBinding& moved : record.bindings)
    step.standings.push_back({.binding = moved.name, .epoch = moved.epoch + epochs_more, .owner = record.peer});
  step.deeds.push_back(Withdraw{});
  return step;
}

Step ask(const Record& record, const Surroundings& around) {
  Step step = stay(record);
  step.record.volatile_.nonce = around.random();
  Message message = request(step.record, Verb::ask);
  message.nonce = step.record.volatile_.nonce;
  step.deeds.push_back(Send{std::move(message)});
  return step;
}

// What comes out of a doubt is declared and served anew, and again until it is: also when it ends, or this node does, before that.
void serve_anew(Step& step, const Surroundings& around) {
  step.record.unserved = true;
  step.record.volatile_.resend = around.now + around.limits.resend;
  step.deeds.push_back(Serve{});
}

// The source has spoken: what was in doubt is served.
Step go_on(const Record& record, const Surroundings& around) {
  Step step = enter(record, record.phase, around);
  step.record.outcome = Outcome::running;
  step.record.reason.clear();
  step.record.volatile_.nonce.clear();
  serve_anew(step, around);
  return step;
}

bool is_done_unserved(const Record& record) { return record.outcome == Outcome::done && record.unserved; }

Step on_tick(const Record& record, const Surroundings& around) {
  Step step = stay(record);
  if (is_done_unserved(record) && resend_is_due(step.record, around)) step.deeds.push_back(Serve{});
  if (ended(record.outcome)) return step;
  if (record.outcome == Outcome::running) {
    if (!accepted(record) && around.now >= record.volatile_.deadline)
      return forget(record, fmt::format("node {} was not heard for {} ms", record.peer, around.limits.lease.count()), around);
    if (record.phase == Phase::finish && around.now >= record.volatile_.deadline)
      return give_back(record, fmt::format("it was not served within {} ms", around.limits.finish.count()), 1, around);
    if (record.phase == Phase::confirm && around.now >= record.volatile_.deadline) {
      step.record.volatile_.deadline = Time::max();
      step.record.volatile_.asking = true;
    }
  }
  if (!resend_is_due(step.record, around)) return step;
  if (record.outcome == Outcome::giving_back) {
    step.deeds.push_back(Withdraw{});
    return step;
  }
  if (record.outcome == Outcome::in_doubt || step.record.volatile_.asking) return ask(step.record, around);
  if (record.phase == Phase::finish || record.unserved) step.deeds.push_back(Serve{});
  return step;
}

Step on_woken(const Record& record, const Surroundings& around) {
  if (ended(record.outcome)) {
    Step step = stay(record);
    step.record.volatile_.deadline = step.record.volatile_.resend = Time::max();
    if (is_done_unserved(record)) serve_anew(step, around);
    return step;
  }
  if (!accepted(record)) return forget(record, "vsmgrd of the destination was started again", around);
  if (record.outcome == Outcome::giving_back) {
    Step step = conclude(record, Outcome::giving_back, record.reason, around);
    step.durable = false;
    step.deeds.push_back(Withdraw{});
    return step;
  }
  // While it was gone the source may have taken the bindings back, by its operator's word.
  Step step = conclude(record, Outcome::in_doubt, fmt::format("this node was gone before node {} confirmed: it must say whether {} is "
                                                              "served here", record.peer, record.domain), around);
  step.regardless = true;  // a restart comes to the same
  step.record.volatile_.resend = around.now;
  return step;
}

Step on_commit(const Record& record, const Message& message, const Surroundings& around) {
  switch (record.outcome) {
    case Outcome::cancelled:
    case Outcome::given_back:
    case Outcome::taken_back:  return reply(stay(record), message, Answer::given_back, record.reason);
    case Outcome::giving_back: return reply(stay(record), message, Answer::later);
    case Outcome::in_doubt:
    case Outcome::done:        return reply(stay(record), message, Answer::ok);
    case Outcome::running:     break;
  }
  return accepted(record) ? reply(stay(record), message, Answer::ok) : accept(record, message, around);
}

Step on_finish(const Record& record, const Message& message) {
  switch (record.outcome) {
    case Outcome::cancelled:
    case Outcome::given_back:
    case Outcome::taken_back:  return reply(stay(record), message, Answer::given_back, record.reason);
    case Outcome::giving_back:
    case Outcome::in_doubt:    return reply(stay(record), message, Answer::later);
    case Outcome::done:        return reply(stay(record), message, Answer::ok);
    case Outcome::running:     break;
  }
  return reply(stay(record), message, record.phase == Phase::confirm ? Answer::ok : Answer::later);
}

Step on_confirm(const Record& record, const Message& message, const Surroundings& around) {
  if (record.outcome == Outcome::done) return reply(stay(record), message, Answer::ok);
  if (!accepted(record) || ended(record.outcome) || record.outcome == Outcome::giving_back)
    return reply(stay(record), message, Answer::refused, "it is not served here");
  const bool doubted = record.outcome == Outcome::in_doubt;
  Step step = conclude(record, Outcome::done, "", around);
  step.record.phase = Phase::confirm;
  if (doubted || record.unserved) serve_anew(step, around);
  return reply(std::move(step), message, Answer::ok);
}

Step on_cancel(const Record& record, const Message& message, const Surroundings& around) {
  if (ended(record.outcome) && record.outcome != Outcome::done) return reply(stay(record), message, Answer::ok);
  if (accepted(record)) return reply(stay(record), message, Answer::refused, "it is committed, and owned here");
  return reply(forget(record, "cancelled by the source: " + message.reason, around), message, Answer::ok);
}

Step on_answer(const Record& record, const Message& message, const Surroundings& around) {
  const std::string& nonce = record.volatile_.nonce;
  if (message.verb != Verb::ask || nonce.empty() || message.nonce != nonce || ended(record.outcome)) return stay(record);
  if (record.outcome == Outcome::giving_back) return stay(record);
  if (message.answer == Answer::taken_back)
    return give_back(record, fmt::format("node {} took it back: {}", record.peer, message.reason), 2, around);
  if (message.answer == Answer::ok && record.outcome == Outcome::in_doubt) return go_on(record, around);
  return stay(record);
}

Step on_request(const Record& record, const Message& message, const Surroundings& around) {
  switch (message.verb) {
    case Verb::transfer: {
      if (ended(record.outcome) && record.outcome != Outcome::done)
        return reply(stay(record), message, Answer::given_back, record.reason);
      if (record.outcome != Outcome::running || accepted(record)) return reply(stay(record), message, Answer::ok);
      Step step = record.phase == Phase::prepare ? enter(record, Phase::transfer, around) : stay(record);
      step.record.volatile_.deadline = around.now + around.limits.lease;
      step.record.volatile_.resend = Time::max();
      return reply(std::move(step), message, Answer::ok);
    }
    case Verb::commit:  return on_commit(record, message, around);
    case Verb::finish:  return on_finish(record, message);
    case Verb::confirm: return on_confirm(record, message, around);
    case Verb::cancel:  return on_cancel(record, message, around);
    case Verb::check:
    case Verb::prepare:
    case Verb::ask:     break;
  }
  return stay(record);
}

Step on_heard(const Record& record, const Message& message, const Surroundings& around) {
  if (message.verb == Verb::prepare && message.answer == Answer::none) {
    // Sent twice; from another that took the id it is refused.
    if (!equal_secrets(message.secret, record.peer_secret)) {
      Step step = stay(record);
      step.deeds.push_back(Send{answer_to(message, Answer::refused, "this id is taken")});
      return step;
    }
    if (ended(record.outcome)) return reply(stay(record), message, Answer::refused, record.reason);
    Step step = stay(record);
    Message again = answer(record, message, Answer::ok);
    again.secret = record.own_secret;
    step.deeds.push_back(Send{std::move(again)});
    return step;
  }
  if (!has_cookie(message, record.own_secret)) {
    Step step = refuse(record, "the cookie does not fit");
    if (message.answer == Answer::none) step.deeds.push_back(Send{answer_to(message, Answer::refused, step.refusal)});
    return step;
  }
  return message.answer == Answer::none ? on_request(record, message, around) : on_answer(record, message, around);
}

Step on_said(const Record& record, Word word, const Surroundings& around) {
  const bool doubt = record.outcome == Outcome::in_doubt;
  switch (word) {
    case Word::cancel:
      if (ended(record.outcome)) return refuse(record, fmt::format("it has ended already: {}", name_of(record.outcome)));
      if (accepted(record)) return refuse(record, "it is committed, and owned here; what is in doubt can be resolved");
      return forget(record, "cancelled by an operator at the destination", around);
    case Word::keep: {
      const bool asks = record.outcome == Outcome::running && record.phase == Phase::confirm;  // of a source that may be gone for good
      if (!doubt && !asks) return refuse(record, "it is not in doubt");
      Step step = conclude(record, Outcome::done, "kept by an operator's word", around);
      step.record.phase = Phase::confirm;
      serve_anew(step, around);
      return step;
    }
    case Word::give_up:
      if (!doubt) return refuse(record, "it is not in doubt");
      return give_back(record, "given back by an operator's word", 1, around);
    case Word::take_back: return refuse(record, "only a source can take back");
    case Word::freeze:
    case Word::commit:    return refuse(record, "only the source freezes and commits");
  }
  __builtin_unreachable();
}

struct Stepper {
  const Record& record;
  const Surroundings& around;

  Step operator()(const Tick&) const { return on_tick(record, around); }
  Step operator()(const Woken&) const { return on_woken(record, around); }
  Step operator()(const Heard& heard) const { return on_heard(record, heard.message, around); }
  Step operator()(const Said& said) const { return on_said(record, said.word, around); }
  Step operator()(const Serving&) const {
    if (record.unserved && (record.outcome == Outcome::running || record.outcome == Outcome::done)) {
      Step step = record.phase == Phase::finish ? enter(record, Phase::confirm, around) : stay(record);
      step.record.unserved = false;
      step.durable = true;
      if (ended(record.outcome)) step.record.volatile_.resend = Time::max();
      return step;
    }
    if (record.outcome != Outcome::running || record.phase != Phase::finish) return stay(record);
    Step step = enter(record, Phase::confirm, around);
    // The answer to a `finish` that was put off, so that the source need not ask again.
    const Message asked{.id = record.id, .verb = Verb::finish, .from = record.peer, .to = record.node};
    step.deeds.push_back(Send{answer(step.record, asked, Answer::ok)});
    return step;
  }
  Step operator()(const NotServing& failed) const {
    if (record.outcome != Outcome::running || record.phase != Phase::finish) return stay(record);
    return give_back(record, failed.reason, 1, around);
  }
  Step operator()(const Withdrawn&) const {
    if (record.outcome != Outcome::giving_back) return stay(record);
    Step step = conclude(record, Outcome::given_back, record.reason, around);
    step.deeds.push_back(Drop{});
    return step;
  }
  Step operator()(const Taken&) const { return stay(record); }
  Step operator()(const Frozen&) const { return stay(record); }
};

}  // namespace
}  // namespace of_destination

Step step_of_destination(const Record& record, const Event& event, const Surroundings& around) {
  return std::visit(of_destination::Stepper{record, around}, event);
}

}  // namespace vs::handoff
