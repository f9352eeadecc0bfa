#include "vsctl/commands/migrate.h"

#include <unistd.h>

#include <array>
#include <iostream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/handoff.h"
#include "vsctl/commands/lists.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr ListForm kMigrationForm{.kind = "Migration", .plural = "migrations"};

// A handoff as it stands: its document, or its story.
void tell(Session& session, const json& handoff) {
  if (for_people(session.format))
    session.out << printable(story_of(handoff)) << "\n";
  else
    session.out << render(handoff, session.format);
}

// The end of waiting for it: ok when the domain went, or when it waits for `word`, as it was to.
Outcome<ExitCode> end_of_wait(Session& session, const json& handoff, std::string_view word) {
  const bool waits = !word.empty() && text(handoff, "waitsFor") == word;
  if (waits || is_done(handoff)) {
    tell(session, handoff);
    return ExitCode::ok;
  }
  if (!for_people(session.format)) tell(session, handoff);
  return give_up(text(handoff, "outcome") == "InDoubt" ? ExitCode::not_applied : ExitCode::negative, story_of(handoff));
}

Outcome<ExitCode> follow_handoff(Session& session, Outcome<json> handoff, const MigrateOptions& options, std::string_view word) {
  if (!handoff) return give_up(std::move(handoff.error()));
  if (options.no_wait) {
    tell(session, *handoff);
    return ExitCode::ok;
  }
  auto rests = wait_for_handoff(session, std::move(*handoff), word);
  if (!rests) return give_up(std::move(rests.error()));
  return end_of_wait(session, *rests, word);
}

// Says `verb` to the one that is meant.
Outcome<json> find_and_tell(Session& session, const MigrateOptions& options, std::string_view verb) {
  const auto known = find_handoff(session, options.migration);
  if (!known) return give_up(known.error());
  return tell_handoff(session, text(*known, "id"), verb, json::object());
}

std::string sheet_of(const json& handoff) {
  std::string sheet;
  const auto line = [&](std::string_view title, const std::string& value) {
    if (!value.empty()) sheet += fmt::format("{:<12}{}\n", title, printable(value));
  };
  line("Id:", text(handoff, "id"));
  line("Domain:", text(handoff, "domain") + " " + direction_of(handoff));
  line("State:", story_of(handoff));
  line("Outcome:", text(handoff, "outcome"));
  line("Phase:", text(handoff, "phase"));
  line("Waits for:", text(handoff, "waitsFor"));
  line("Manual:", is_true(handoff, "manual") ? "yes" : "");
  line("Blackout:", blackout_of(handoff));
  line("Started:", text(handoff, "startedAt"));
  line("Changed:", text(handoff, "changedAt"));
  const json& bindings = field(handoff, "bindings");
  if (!bindings.is_array() || bindings.empty()) return sheet;
  sheet += "Bindings:\n";
  for (const json& binding : bindings)
    sheet += printable(fmt::format("  {}, epoch {}", text(binding, "name"), number(binding, "epoch"))) + "\n";
  return sheet;
}

struct Oath {
  std::string_view word;
  const char* of_api;
  std::string_view sworn;  // {0}: the other node, {1}: the domain
};
constexpr std::array kOaths{
    Oath{"take-back", "takeBack", "{0} is off, or serves nothing of {1}; and nobody gave {1} to it by `keep`"},
    Oath{"give-up", "giveUp", "{0} has {1}"},
    Oath{"keep", "keep", "{0} is off for good, or did not take {1} back"}};

// Wrong, it has two nodes serve at once: whoever says it must have read it.
Outcome<> confirm_oath(Session& session, const std::string& sworn, bool yes) {
  if (yes) return {};
  if (::isatty(STDIN_FILENO) != 1)
    return give_up(ExitCode::invalid, fmt::format("give --yes to swear without a terminal that {}", sworn));
  session.err << printable("You swear that " + sworn + ".") << "\nIf that is wrong, two nodes serve at once. Is it so? [y/N] "
              << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return give_up(ExitCode::cancelled, "not sworn: nothing was done");
}

}  // namespace

Outcome<ExitCode> check_migration(Session& session, const MigrateOptions& options) {
  const auto checked = check_handoff(session, {.domain = options.domain, .node = options.node});
  if (!checked) {
    Failure failure = checked.error();
    if (failure.exit == ExitCode::conflict) failure.exit = ExitCode::negative;
    return give_up(std::move(failure));
  }
  if (for_people(session.format))
    session.out << printable(fmt::format("{} can go to {}", options.domain, options.node)) << "\n";
  else
    session.out << render(json{{"domain", options.domain}, {"node", options.node}, {"answer", "ok"}}, session.format);
  return ExitCode::ok;
}

Outcome<ExitCode> start_migration(Session& session, const MigrateOptions& options) {
  return follow_handoff(session,
                        start_handoff(session, {.domain = options.domain, .node = options.node, .manual = options.manual}), options,
                        options.manual ? "freeze" : "");
}

Outcome<ExitCode> show_migrations(Session& session, const MigrateOptions& options) {
  if (options.migration.empty()) {
    auto list = session.daemon.list("migrations");
    if (!list) return give_up(list.error());
    std::vector<json> handoffs((*list)["items"].begin(), (*list)["items"].end());
    show_list(session, kMigrationForm, std::move(*list), std::move(handoffs));
    return ExitCode::ok;
  }
  const auto handoff = find_handoff(session, options.migration);
  if (!handoff) return give_up(handoff.error());
  if (for_people(session.format))
    session.out << sheet_of(*handoff);
  else
    show_object(session, kMigrationForm, *handoff);
  return ExitCode::ok;
}

Outcome<ExitCode> cancel_migration(Session& session, const MigrateOptions& options) {
  const auto cancelled = find_and_tell(session, options, "cancel");
  if (!cancelled) return give_up(cancelled.error());
  tell(session, *cancelled);
  return ExitCode::ok;
}

Outcome<ExitCode> freeze_migration(Session& session, const MigrateOptions& options) {
  return follow_handoff(session, find_and_tell(session, options, "freeze"), options, "commit");
}

Outcome<ExitCode> commit_migration(Session& session, const MigrateOptions& options) {
  return follow_handoff(session, find_and_tell(session, options, "commit"), options, "");
}

Outcome<ExitCode> resolve_migration(Session& session, const MigrateOptions& options) {
  const auto known = find_handoff(session, options.migration);
  if (!known) return give_up(known.error());
  for (const Oath& oath : kOaths) {
    if (oath.word != options.word) continue;
    const std::string sworn = fmt::format(fmt::runtime(oath.sworn), text(*known, "peer"), text(*known, "domain"));
    if (auto confirmed = confirm_oath(session, sworn, options.yes); !confirmed) return give_up(std::move(confirmed.error()));
    const auto resolved = tell_handoff(session, text(*known, "id"), "resolve", {{"word", oath.of_api}});
    if (!resolved) return give_up(resolved.error());
    tell(session, *resolved);
    return ExitCode::ok;
  }
  return give_up(ExitCode::invalid, "--word: take-back, give-up or keep, not " + options.word);
}

}  // namespace vs::ctl
