#include "vsmgrd/migration/machine.h"

#include <algorithm>
#include <utility>

#include "vsmgrd/migration/steps.h"

namespace vs::handoff {

Message answer_to(const Message& message, Answer answer, std::string reason) {
  return {.id = message.id,
          .verb = message.verb,
          .answer = answer,
          .from = message.to,
          .to = message.from,
          .version = message.version,
          .nonce = message.nonce,
          .reason = std::move(reason)};
}

Step step(const Record& record, const Event& event, const Surroundings& around) {
  return record.role == Role::source ? step_of_source(record, event, around) : step_of_destination(record, event, around);
}

Time next_tick(const Record& record) { return std::min(record.volatile_.deadline, record.volatile_.resend); }

Step begin_source(Record record, const Surroundings& around) {
  record.role = Role::source;
  record.version = around.versions.newest;
  record.own_secret = around.random();
  Step step = enter(record, Phase::check, around);
  step.deeds.push_back(Send{request(step.record, Verb::check)});
  return step;
}

Step begin_destination(const Message& prepare, const Surroundings& around) {
  Record record{.id = prepare.id,
                .role = Role::destination,
                .domain = prepare.domain,
                .node = prepare.to,
                .peer = prepare.from,
                .version = prepare.version,
                .own_secret = around.random(),
                .peer_secret = prepare.secret,
                .bindings = prepare.bindings,
                .parcel = prepare.parcel};
  Step step = enter(record, Phase::prepare, around);
  step.record.volatile_.deadline = around.now + around.limits.lease;
  step.record.volatile_.resend = Time::max();
  Message reply = answer(step.record, prepare, Answer::ok);
  reply.secret = step.record.own_secret;
  step.deeds.push_back(Send{std::move(reply)});
  return step;
}

}  // namespace vs::handoff
