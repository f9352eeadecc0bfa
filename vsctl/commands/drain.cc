#include "vsctl/commands/drain.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/handoff.h"
#include "vsctl/commands/interrupts.h"
#include "vsctl/commands/settle.h"
#include "vsctl/output/progress.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

// One domain's way, or why it has none.
struct Leaving {
  std::string domain;
  std::string node;    // empty: none takes it
  std::string reason;  // why it did not move
  json handoff;        // null: it never began
  bool moved = false;
};

json document_of(const Leaving& one) {
  json out{{"domain", one.domain}, {"node", one.node}, {"moved", one.moved}, {"reason", one.reason}};
  if (!one.handoff.is_null()) {
    out["migration"] = text(one.handoff, "id");
    out["outcome"] = text(one.handoff, "outcome");
    if (one.handoff.contains("blackoutMs")) out["blackoutMs"] = one.handoff["blackoutMs"];
  }
  return out;
}

// Domains that have bindings, all of which another node serves: they have gone already.
Outcome<std::set<std::string>> domains_elsewhere(Session& session) {
  const auto bindings = session.daemon.list("bindings");
  if (!bindings) return give_up(bindings.error());
  std::map<std::string, bool> all_elsewhere;
  for (const json& binding : field(*bindings, "items")) {
    const auto known = all_elsewhere.try_emplace(text(field(binding, "spec"), "domain"), true).first;
    known->second = known->second && text(field(binding, "status"), "reason") == "Elsewhere";
  }
  std::set<std::string> gone;
  for (const auto& [domain, elsewhere] : all_elsewhere)
    if (elsewhere) gone.insert(domain);
  return gone;
}

Outcome<std::deque<std::string>> domains_to_move(Session& session, const DrainOptions& options) {
  const auto domains = session.daemon.list("domains", {.label_selector = options.labels, .summary = true});
  if (!domains) return give_up(domains.error());
  const auto gone = domains_elsewhere(session);
  if (!gone) return give_up(gone.error());
  std::deque<std::string> names;
  for (const json& domain : field(*domains, "items"))
    if (std::string name = text(field(domain, "metadata"), "name"); !gone->contains(name)) names.push_back(std::move(name));
  return names;
}

class Draining {
 public:
  Draining(Session& session, const DrainOptions& options, std::deque<std::string> waiting)
      : session_(session), options_(options), waiting_(std::move(waiting)), all_(waiting_.size()), bar_(session.err, session.quiet) {}

  Outcome<ExitCode> run() {
    auto interval = kLookIntervalMin;
    while (!going_.empty() || (!waiting_.empty() && !interrupts_.came())) {
      if (interrupts_.came()) tell_interrupted();
      const std::size_t ended = ended_.size();
      fill();
      look();
      if (going_.empty()) continue;
      bar_.show(fmt::format("{} of {} domains have left, {} did not, {} on their way", moved(), all_, ended_.size() - moved(),
                            going_.size()),
                static_cast<double>(ended_.size()) / static_cast<double>(all_));
      std::this_thread::sleep_for(interval);
      interval = ended == ended_.size() ? std::min(interval * 2, kLookIntervalMax) : kLookIntervalMin;
    }
    bar_.clear();
    return sum_up();
  }

 private:
  // The nodes in turn, those that were not reached before last.
  std::vector<std::string> candidates() const {
    std::vector<std::string> nodes;
    for (const bool reached : {true, false})
      for (std::size_t i = 0; i < options_.targets.size(); ++i) {
        const std::string& node = options_.targets[(turn_ + i) % options_.targets.size()];
        if (unreached_.contains(node) != reached) nodes.push_back(node);
      }
    return nodes;
  }

  // The first node that takes the domain; in its `reason`, what the others said.
  Leaving choose(const std::string& domain) {
    Leaving leaving{.domain = domain};
    for (const std::string& node : candidates()) {
      const auto checked = check_handoff(session_, {.domain = domain, .node = node});
      if (checked) {
        leaving.node = node;
        const auto at = std::find(options_.targets.begin(), options_.targets.end(), node);
        turn_ = static_cast<std::size_t>(at - options_.targets.begin()) + 1;
        unreached_.erase(node);
        return leaving;
      }
      if (checked.error().exit == ExitCode::unavailable) unreached_.insert(node);
      leaving.reason += (leaving.reason.empty() ? "" : "; ") + checked.error().message;
    }
    return leaving;
  }

  void fill() {
    while (!interrupts_.came() && going_.size() < options_.parallel && !waiting_.empty()) {
      const std::string domain = std::move(waiting_.front());
      waiting_.pop_front();
      Leaving leaving = choose(domain);
      if (leaving.node.empty() || options_.dry_run) {
        end(std::move(leaving));
        continue;
      }
      auto begun = start_handoff(session_, {.domain = domain, .node = leaving.node});
      if (begun) {
        leaving.handoff = std::move(*begun);
        going_.push_back(std::move(leaving));
      } else if (begun.error().exit == ExitCode::unavailable && !going_.empty()) {
        waiting_.push_back(domain);  // others' handoffs fill the node: again when one of ours has ended
        return;
      } else {
        leaving.reason = begun.error().message;
        end(std::move(leaving));
      }
    }
  }

  void look() {
    std::vector<Leaving> still;
    for (Leaving& one : going_) {
      auto seen = has_come_to_rest(one.handoff) ? Outcome<json>(one.handoff) : look_at_handoff(session_, text(one.handoff, "id"));
      if (!seen) {
        one.reason = seen.error().message + "; its handoff goes on without vsctl";
        end(std::move(one));
        continue;
      }
      one.handoff = std::move(*seen);
      if (!has_come_to_rest(one.handoff)) {
        still.push_back(std::move(one));
        continue;
      }
      one.moved = is_done(one.handoff);
      if (!one.moved) one.reason = text(one.handoff, "reason");
      end(std::move(one));
    }
    going_ = std::move(still);
  }

  void end(Leaving leaving) {
    bar_.clear();
    if (for_people(session_.format)) session_.out << printable(line_of(leaving)) << "\n" << std::flush;
    ended_.push_back(std::move(leaving));
  }

  std::string line_of(const Leaving& one) const {
    if (options_.dry_run && !one.node.empty()) return fmt::format("{} would go to {}", one.domain, one.node);
    if (one.handoff.is_null() || !has_come_to_rest(one.handoff)) return fmt::format("{} did not move: {}", one.domain, one.reason);
    return story_of(one.handoff);
  }

  void tell_interrupted() {
    if (std::exchange(told_, true)) return;
    bar_.clear();
    std::string names;
    for (const Leaving& one : going_) names += (names.empty() ? "" : ", ") + one.domain;
    session_.err << printable("no more are begun; still on their way: " + names + "; Ctrl-C again leaves them to it") << "\n"
                 << std::flush;
  }

  [[nodiscard]] std::size_t moved() const {
    return static_cast<std::size_t>(std::count_if(ended_.begin(), ended_.end(), [&](const Leaving& one) {
      return options_.dry_run ? !one.node.empty() : one.moved;
    }));
  }

  Outcome<ExitCode> sum_up() const {
    if (!for_people(session_.format)) {
      json items = json::array();
      for (const Leaving& one : ended_) items.push_back(document_of(one));
      session_.out << render(json{{"node", options_.node}, {"items", std::move(items)}, {"notBegun", waiting_}}, session_.format);
    } else {
      const char* what = options_.dry_run ? "would leave" : "have left";
      session_.out << printable(fmt::format("{} of {} domains {} {}", moved(), all_, what, options_.node)) << "\n";
    }
    if (!waiting_.empty()) return give_up(ExitCode::interrupted, fmt::format("interrupted: {} were not begun", waiting_.size()));
    if (moved() == all_) return ExitCode::ok;
    return give_up(ExitCode::negative, fmt::format("{} of {} domains {} on {}", all_ - moved(), all_,
                                                   options_.dry_run ? "would stay" : "did not move and are", options_.node));
  }

  Session& session_;
  const DrainOptions& options_;
  std::deque<std::string> waiting_;
  const std::size_t all_;
  const Interrupts interrupts_;
  ProgressBar bar_;
  std::vector<Leaving> going_;
  std::vector<Leaving> ended_;
  std::set<std::string> unreached_;
  std::size_t turn_ = 0;
  bool told_ = false;
};

}  // namespace

Outcome<ExitCode> drain(Session& session, const DrainOptions& options) {
  // Whoever is at another node than they think moves nothing.
  if (const auto node = session.daemon.get("nodes", options.node); !node) return give_up(node.error());
  for (const std::string& target : options.targets)
    if (target == options.node) return give_up(ExitCode::invalid, fmt::format("--to {}: that is the node to be drained", target));
  auto domains = domains_to_move(session, options);
  if (!domains) return give_up(std::move(domains.error()));
  return Draining(session, options, std::move(*domains)).run();
}

}  // namespace vs::ctl
