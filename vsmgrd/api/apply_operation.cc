#include "vsmgrd/api/apply_operation.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/guarded.h"
#include "vsmgrd/api/idempotency.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/wire.h"
#include "vsmgrd/api/writing.h"
#include "vsmgrd/store/writer.h"

namespace vs::http {
namespace {

using nlohmann::json;

// What of the header Prefer (RFC 7240) is heeded here; all else is ignored, as it asks.
struct Preference {
  bool respond_async = false;
  std::optional<std::chrono::seconds> wait;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Preference preference_of(const Request& request) {
  Preference preference;
  std::string lower(request.header("prefer"));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (std::string_view rest = lower; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view one = trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (one == "respond-async") preference.respond_async = true;
    if (!one.starts_with("wait=")) continue;
    const std::string_view number = one.substr(5);
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), seconds);
    if (error == std::errc{} && end == number.data() + number.size()) preference.wait = std::chrono::seconds(seconds);
  }
  return preference;
}

std::chrono::milliseconds patience_for(const Call& call) {
  if (awaits_applied(call)) return *patience_of(call);
  const Preference preference = preference_of(call.request);
  if (preference.wait) return std::min<std::chrono::milliseconds>(*preference.wait, kWaitPatienceMax);
  return preference.respond_async ? std::chrono::milliseconds(0) : kApplyPatience;
}

// What an apply is asked to do, and what is answered; shared by who does it and who waits for it.
struct Apply {
  std::vector<Resource> resources;
  WriteOptions options;
  bool awaits_applied = false;
  std::string request_id;
  std::shared_ptr<const IdempotencyKey> key;  // its request counts as being handled until this is done
  std::optional<Response> reply;              // of the thread that applies
  Guarded<std::optional<Waits::Check>> known;

  // Made once: an answer may be megabytes.
  const Response& reply_to(const ApplyOutcome& outcome) {
    if (!reply) reply = apply_reply(outcome);
    return *reply;
  }
};

OperationLog::End failure_of(const Operation& operation, const Refusal& refusal, const Response& answer) {
  if (refusal.code == kStopped && operation.cancel_requested)
    return {.state = Operation::State::cancelled, .reason = "Cancelled", .message = "nothing was changed"};
  if (refusal.code == kStopped)
    return {.state = Operation::State::failed,
            .reason = "DeadlineExceeded",
            .message = "it took too long: nothing was changed"};
  const json problem = json::parse(answer.body, nullptr, false);
  return {.state = Operation::State::failed,
          .reason = "Refused",
          .message = refusal.error.message,
          .result = json_text({{"problem", problem}})};
}

std::optional<OperationLog::End> perform(Store& store, Waits& waits, Apply& apply, const std::string& id) {
  apply.options.operation =
      OperationOf{id, [&apply](const ApplyOutcome& outcome) { return apply.reply_to(outcome).body; }};
  const auto tell = [&](Waits::Check check) {
    apply.key.reset();  // before it is answered: a repeated request finds what was stored
    apply.known.with([&](auto& known) { known = std::move(check); });
    waits.notify();
  };
  const auto outcome = store.apply(std::move(apply.resources), std::move(apply.options));
  const auto operation = store.operations().get(id);
  if (!outcome) {
    const Response answer = problem_response(write_problem(outcome.error()), apply.request_id);
    tell([answer](bool /*expired*/) { return answer; });
    return failure_of(operation ? *operation : Operation(), outcome.error(), answer);
  }
  const Response answer = outcome->replayed ? replayed(*outcome->replayed) : apply.reply_to(*outcome);
  tell(apply.awaits_applied && !outcome->replayed ? applied_check(store, *outcome, answer)
                                                  : [answer](bool /*expired*/) { return answer; });
  if (operation && has_ended(operation->state)) return std::nullopt;
  return OperationLog::End{.reason = outcome->replayed ? "Replayed" : "Applied",
                           .message = outcome->replayed ? "it was done before" : "all of it was done",
                           .result = answer.body};
}

}  // namespace

Response apply_reply(const ApplyOutcome& outcome) { return json_response(200, encode(outcome)); }

bool is_operation(const Store& store, const Call& call, const std::vector<Resource>& resources) {
  if (call.dry_run) return false;
  if (preference_of(call.request).respond_async || resources.size() > kGroupRowsMax) return true;
  const bool all_decided = std::any_of(resources.begin(), resources.end(), [](const Resource& resource) {
    return resource.kind() == Kind::access_policy || resource.kind() == Kind::sharing_policy ||
           resource.kind() == Kind::service;
  });
  return (all_decided || call.parameter("prune")) && store.snapshot().desired->bindings.size() > kGroupRowsMax;
}

Response apply_as_operation(Store& store, Background& background, const Call& call,
                            std::vector<Resource> resources, WriteOptions options) {
  const auto apply = std::make_shared<Apply>();
  apply->resources = std::move(resources);
  apply->options = std::move(options);
  apply->awaits_applied = awaits_applied(call);
  apply->request_id = call.request.id;
  apply->key = call.key;
  apply->options.once =
      once_of<ApplyOutcome>(call, [held = std::weak_ptr<Apply>(apply)](const ApplyOutcome& outcome) {
        return held.lock()->reply_to(outcome);  // whoever applies has it
      });
  Waits& waits = background.waits;
  const auto operation = background.applies.start(
      {.kind = "Apply",
       .phase = "waiting",
       .cancel_until = "committing",
       .deadline = kApplyDeadline,
       .actor = actor_of(call.request)},
      [&store, &waits, apply](JobControl& control) { return perform(store, waits, *apply, control.id()); });
  if (!operation) {  // nothing can be written, or too many go on: what is wrong shows in the doing
    const auto outcome = store.apply(std::move(apply->resources), std::move(apply->options));
    if (!outcome) return problem_response(write_problem(outcome.error()), call.request.id);
    if (outcome->replayed) return replayed(*outcome->replayed);
    return answer_applied(waits, store, call, *outcome, apply->reply_to(*outcome));
  }
  const auto check = [&store, apply, begun = *operation](bool expired) -> std::optional<Response> {
    if (const auto known = apply->known.with([](const auto& check) { return check; })) return (*known)(expired);
    if (!expired) return std::nullopt;
    return operation_begun(store.operations().get(begun.id).value_or(begun));
  };
  const auto patience = patience_for(call);
  if (patience.count() == 0 || !waits.has_room()) return *check(true);
  return waits.wait(call.request, patience, check);
}

}  // namespace vs::http
