#include "vsctl/commands/handoff.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/settle.h"
#include "vsctl/output/progress.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 8> kPhases{"check", "begin", "prepare", "transfer", "freeze", "commit", "finish", "confirm"};

std::string handoff_path(const std::string& id) { return "/v1/migrations/" + Http::escape(id); }

json handoff_body(const HandoffWish& wish) {
  json body{{"domain", wish.domain}, {"node", wish.node}};
  if (wish.manual) body["manual"] = true;
  return body;
}

// Its phase of all phases.
double part_of_way(const json& handoff) {
  const auto phase = std::find(kPhases.begin(), kPhases.end(), text(handoff, "phase"));
  return static_cast<double>(phase - kPhases.begin()) / static_cast<double>(kPhases.size());
}

std::string progress_line(const json& handoff) {
  std::string line = fmt::format("{} {}: {}", text(handoff, "domain"), direction_of(handoff), text(handoff, "phase"));
  if (const std::string word = text(handoff, "waitsFor"); !word.empty()) line += ", waits for " + word;
  if (const std::string blackout = blackout_of(handoff); !blackout.empty()) line += ", " + blackout + " without service";
  return line;
}

std::string doubt(const std::string& domain, const std::string& peer, bool source) {
  const std::string unknown = source ? "whether " + peer + " serves it" : "whether " + peer + " took it back";
  return fmt::format("{} is in doubt: it is not served here, and not known {}; that ends when {} answers, or by `vsctl migrate resolve {}`",
                     domain, unknown, peer, domain);
}

}  // namespace

Outcome<> check_handoff(Session& session, const HandoffWish& wish) {
  session.daemon.renew_deadline();
  const auto answer = session.daemon.post("/v1/migrations?dryRun=true", handoff_body(wish));
  if (!answer) return give_up(answer.error());
  return {};
}

Outcome<json> start_handoff(Session& session, const HandoffWish& wish) {
  session.daemon.renew_deadline();
  return session.daemon.post("/v1/migrations", handoff_body(wish));
}

Outcome<json> find_handoff(Session& session, const std::string& id_or_domain) {
  auto list = session.daemon.list("migrations");
  if (!list) return list;
  const json* last = nullptr;
  for (const json& handoff : field(*list, "items")) {
    if (text(handoff, "domain") != id_or_domain) continue;
    if (!is_true(handoff, "ended")) return handoff;
    if (last == nullptr) last = &handoff;  // the newest come first
  }
  if (last != nullptr) return *last;
  return look_at_handoff(session, id_or_domain);
}

Outcome<json> look_at_handoff(Session& session, const std::string& id) {
  session.daemon.renew_deadline();
  return session.daemon.read(handoff_path(id));
}

Outcome<json> tell_handoff(Session& session, const std::string& id, std::string_view verb, const json& body) {
  session.daemon.renew_deadline();
  return session.daemon.post(fmt::format("{}:{}", handoff_path(id), verb), body);
}

bool has_come_to_rest(const json& handoff) { return is_true(handoff, "ended") || text(handoff, "outcome") == "InDoubt"; }

bool is_done(const json& handoff) { return text(handoff, "outcome") == "Done"; }

Outcome<json> wait_for_handoff(Session& session, json handoff, std::string_view word) {
  ProgressBar bar(session.err, session.quiet);
  const std::string id = text(handoff, "id");
  auto interval = kLookIntervalMin;
  while (!has_come_to_rest(handoff) && (word.empty() || text(handoff, "waitsFor") != word)) {
    bar.show(progress_line(handoff), part_of_way(handoff));
    std::this_thread::sleep_for(interval);
    interval = std::min(interval * 2, kLookIntervalMax);
    // A domain that is frozen waits for whoever reads this to go on.
    if (text(handoff, "phase") == "freeze") interval = kLookIntervalMin;
    auto seen = look_at_handoff(session, id);
    if (!seen) {
      Failure failure = std::move(seen.error());
      failure.message += fmt::format("; the handoff of {} goes on without vsctl", text(handoff, "domain"));
      return give_up(std::move(failure));
    }
    handoff = std::move(*seen);
  }
  return handoff;
}

std::string blackout_of(const json& handoff) {
  return field(handoff, "blackoutMs").is_number() ? fmt::format("{} ms", number(handoff, "blackoutMs")) : "";
}

std::string direction_of(const json& handoff) {
  return (text(handoff, "role") == "source" ? "to " : "from ") + text(handoff, "peer");
}

std::string story_of(const json& handoff) {
  const std::string domain = text(handoff, "domain");
  const std::string peer = text(handoff, "peer");
  const std::string outcome = text(handoff, "outcome");
  const std::string blackout = blackout_of(handoff);
  const bool source = text(handoff, "role") == "source";
  std::string story;
  if (outcome == "Done")
    story = fmt::format("{} is served {}{}", domain, source ? "by " + peer : "here, and no more by " + peer,
                        blackout.empty() ? "" : ", after " + blackout + " without service");
  else if (outcome == "InDoubt")
    story = doubt(domain, peer, source);
  else if (outcome == "TakenBack")
    story = domain + " is served here again, and not by " + peer;
  else if (outcome == "Cancelled")
    story = source ? domain + " stays here" : domain + " does not come from " + peer;
  else if (outcome == "GivenBack" || outcome == "GivingBack")
    story = fmt::format("{} {} given back to {}", domain, outcome == "GivenBack" ? "was" : "is being", peer);
  else
    story = progress_line(handoff);
  const std::string reason = text(handoff, "reason");
  return reason.empty() || outcome == "Done" ? story : story + ": " + reason;
}

}  // namespace vs::ctl
