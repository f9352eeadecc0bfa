#include "vsctl/commands/complete.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "vsctl/client/daemon.h"
#include "vsctl/client/fields.h"
#include "vsctl/commands/kinds.h"

namespace vs::ctl {
namespace {

using Words = std::vector<std::string>;

struct Verb {
  std::string_view name;
  std::array<std::string_view, 2>
      positions;  // what stands there: a kind, a "name" of it, a domain, a service, a shell
  std::vector<std::string_view> options;
};

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all{
      {"apply", {}, {"-f", "--filename", "--dry-run", "--no-wait"}},
      {"get", {"kind", "name"}, {"-l", "--label", "--no-headers"}},
      {"describe", {"kind", "name"}, {}},
      {"delete", {"kind", "name"}, {"--dry-run"}},
      {"explain", {"domains", "services"}, {}},
      {"run", {"domains", ""}, {"--env", "--hide", "--"}},
      {"metrics", {}, {}},
      {"version", {}, {}},
      {"completion", {"shell", ""}, {}},
  };
  return all;
}

constexpr std::array<std::string_view, 6> kEverywhere{"--help",   "--output",  "-o",
                                                      "--socket", "--timeout", "-h"};
constexpr std::array<std::string_view, 9> kWithValue{
    "-f", "--filename", "-l", "--label", "--env", "-o", "--output", "--socket", "--timeout"};

bool takes_value(std::string_view option) {
  return option == "--hide" ||
         std::find(kWithValue.begin(), kWithValue.end(), option) != kWithValue.end();
}

// What was typed before the cursor, apart from options and their values.
struct Typed {
  Words plain;
  std::string open_option;  // stands right before the cursor and wants a value
  bool past_dashes = false;
};

Typed read_typed(const Words& words) {
  Typed typed;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--") {
      typed.past_dashes = true;
      return typed;
    }
    if (!words[i].starts_with('-') || words[i] == "-") {
      typed.plain.push_back(words[i]);
    } else if (takes_value(words[i])) {
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

Words values_of(std::string_view option) {
  if (option == "-o" || option == "--output") return {"table", "json", "yaml"};
  if (option == "-f" || option == "--filename" || option == "--socket" || option == "--hide")
    return {kCompleteFiles};
  return {};
}

Words plurals() {
  Words all;
  for (const KindNames& names : kKindNames) all.emplace_back(names.plural);
  return all;
}

Words candidates_at(std::string_view position, const Typed& typed, const NamesOf& names_of) {
  if (position == "kind") return plurals();
  if (position == "shell") return {"bash", "zsh"};
  if (position == "domains" || position == "services") return names_of(position);
  if (position != "name") return {};
  const auto kind = parse_kind(typed.plain[1]);
  return kind ? names_of(kind->plural) : Words{};
}

Words options_of(const Verb* verb) {
  Words all(kEverywhere.begin(), kEverywhere.end());
  if (verb != nullptr)
    all.insert(all.end(), verb->options.begin(), verb->options.end());
  else
    all.emplace_back("--version");
  return all;
}

Words all_candidates(const Typed& typed, const std::string& current, const NamesOf& names_of) {
  const auto verb = std::find_if(verbs().begin(), verbs().end(), [&](const Verb& candidate) {
    return !typed.plain.empty() && candidate.name == typed.plain[0];
  });
  const bool known = verb != verbs().end();
  if (typed.past_dashes) return known && verb->name == "run" ? Words{kCompleteCommands} : Words{};
  if (!typed.open_option.empty()) return values_of(typed.open_option);
  if (current.starts_with('-')) return options_of(known ? &*verb : nullptr);
  if (typed.plain.empty()) {
    Words names;
    for (const Verb& candidate : verbs()) names.emplace_back(candidate.name);
    return names;
  }
  const std::size_t position = typed.plain.size() - 1;
  if (!known || position >= verb->positions.size()) return {};
  return candidates_at(verb->positions[position], typed, names_of);
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
  Words candidates = all_candidates(read_typed(words), current, names_of);
  std::erase_if(candidates, [&](const std::string& word) {
    return !word.starts_with(':') && !word.starts_with(current);
  });
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

NamesOf names_from_daemon(const Words& words, const std::string& default_socket) {
  return [socket = socket_in(without_equals(words), default_socket)](std::string_view plural) {
    const SystemClock clock;
    Http http(socket, Deadline(clock, kCompletionTimeout));
    Words names;
    if (const auto list = Daemon(http).list(plural))
      for (const nlohmann::json& object : field(*list, "items"))
        names.push_back(text(field(object, "metadata"), "name"));
    return names;
  };
}

}  // namespace vs::ctl
