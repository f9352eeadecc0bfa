#include "vsctl/commands/complete.h"

#include <algorithm>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "vsctl/client/daemon.h"
#include "vsctl/client/fields.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/parser.h"

namespace vs::ctl {
namespace {

using Words = std::vector<std::string>;

// What the parser knows, and what is chosen so far: the words' verb, or the verb below it.
struct Known {
  Known() : app(make_parser(invocation, globals, {})), verb(app.get()) {}

  Invocation invocation;
  Globals globals;
  std::unique_ptr<CLI::App> app;
  const CLI::App* verb;
};

const CLI::App* verb_below(const CLI::App& app, const std::string& name) {
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; }))
    if (one->get_name() == name) return one;
  return nullptr;
}

// Every option of a verb and of the verbs above it, by all its names.
template <class Visit>
void for_each_option(const Known& known, const Visit& visit) {
  for (const CLI::App* app = known.verb; app != nullptr; app = app->get_parent())
    for (const CLI::Option* option : app->get_options())
      if (option->nonpositional()) visit(*option);
}

Words names_of_option(const CLI::Option& option) {
  Words names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool takes_value(const Known& known, const std::string& word) {
  bool takes = false;
  for_each_option(known, [&](const CLI::Option& option) {
    const Words names = names_of_option(option);
    takes = takes || (std::find(names.begin(), names.end(), word) != names.end() &&
                      option.get_expected_max() > 0);
  });
  return takes;
}

// What was typed before the cursor, apart from options and their values.
struct Typed {
  Words plain;
  std::string open_option;  // stands right before the cursor and wants a value
  bool past_dashes = false;
};

// Descends to the verb that the words name: `known` knows it afterwards.
Typed read_typed(const Words& words, Known& known) {
  Typed typed;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--") {
      typed.past_dashes = true;
      return typed;
    }
    if (!words[i].starts_with('-') || words[i] == "-") {
      const CLI::App* below = typed.plain.empty() ? verb_below(*known.verb, words[i]) : nullptr;
      if (below != nullptr)
        known.verb = below;
      else
        typed.plain.push_back(words[i]);
    } else if (takes_value(known, words[i])) {
      if (i + 2 == words.size()) typed.open_option = words[i];
      ++i;
    }
  }
  return typed;
}

// bash hands "--output=json" over as three words.
Words without_equals(Words words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] != "=" || !words[i - 1].starts_with('-')) continue;
    if (i + 1 == words.size())
      words[i].clear();
    else
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return words;
}

Words values_of(std::string_view option, const NamesOf& names_of) {
  if (option == "-o" || option == "--output") return {"csv", "json", "jsonpath=", "name", "table", "wide", "yaml"};
  if (option == "--color") return {"always", "auto", "never"};
  if (option == "--to") return names_of("peers");
  if (option == "--word") return {"give-up", "keep", "take-back"};
  for (const char* file : {"-f", "--filename", "--socket", "--hide", "--token-file", "--cacert",
                           "--cert", "--key"})
    if (option == file) return {kCompleteFiles};
  return {};
}

Words plurals() {
  Words all;
  for (const KindNames& names : kKindNames) all.emplace_back(names.plural);
  return all;
}

Words candidates_at(std::string_view position, const Typed& typed, const NamesOf& names_of) {
  if (position == "KIND") return plurals();
  if (position == "SHELL") return {"bash", "fish", "zsh"};
  if (position == "FILE") return {kCompleteFiles};
  if (position == "DOMAIN" || position == "MIGRATION") return names_of("domains");
  if (position == "NODE") return names_of("nodes");
  if (position == "SERVICE") return names_of("services");
  if (position != "NAME" || typed.plain.empty()) return {};
  const auto kind = parse_kind(typed.plain[0]);
  return kind ? names_of(kind->plural) : Words{};
}

Words all_candidates(const Typed& typed, const Known& known, const std::string& current,
                     const NamesOf& names_of) {
  if (typed.past_dashes) return known.verb->get_name() == "run" ? Words{kCompleteCommands} : Words{};
  if (!typed.open_option.empty()) return values_of(typed.open_option, names_of);
  Words candidates;
  if (current.starts_with('-')) {
    for_each_option(known, [&](const CLI::Option& option) {
      for (std::string& name : names_of_option(option)) candidates.push_back(std::move(name));
    });
    if (known.verb->get_name() == "run") candidates.emplace_back("--");
    return candidates;
  }
  if (typed.plain.empty())
    for (const CLI::App* one : known.verb->get_subcommands([](const CLI::App*) { return true; }))
      candidates.push_back(one->get_name());
  if (!candidates.empty()) return candidates;
  std::size_t position = 0;
  for (const CLI::Option* option : known.verb->get_options())
    if (option->get_positional() && position++ == typed.plain.size())
      return candidates_at(option->get_name(true), typed, names_of);
  return {};
}

std::string socket_in(const Words& words, const std::string& otherwise) {
  constexpr std::string_view option = "--socket";
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i] == option && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with("--socket=")) return words[i].substr(option.size() + 1);
  }
  return otherwise;
}

}  // namespace

std::vector<std::string> complete(const Words& typed_words, const NamesOf& names_of) {
  const Words words = without_equals(typed_words);
  const std::string current = words.empty() ? "" : words.back();
  Known known;
  const Typed typed = read_typed(words, known);
  Words candidates = all_candidates(typed, known, current, names_of);
  std::erase_if(candidates, [&](const std::string& word) {
    return !word.starts_with(':') && !word.starts_with(current);
  });
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  return candidates;
}

NamesOf names_from_daemon(const Words& words, const std::string& default_socket) {
  return [socket = socket_in(without_equals(words), default_socket)](std::string_view plural) {
    const SystemClock clock;
    Http http({.socket_path = socket}, Deadline(clock, kCompletionTimeout));
    Words names;
    if (const auto list = Daemon(http).list(plural))
      for (const nlohmann::json& object : field(*list, "items")) {
        const std::string name = text(field(object, "metadata"), "name");
        names.push_back(name.empty() ? text(object, "id") : name);
      }
    return names;
  };
}

}  // namespace vs::ctl
