// The candidates for the word under the cursor: verbs, kinds, options, and the names that the
// daemon knows.
//
// For the scripts of `vsctl completion`. It asks the daemon at most once and waits for it at most
// kCompletionTimeout; without an answer there are no names, and never an error.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vs::ctl {

inline constexpr std::chrono::milliseconds kCompletionTimeout{200};

// Instructions to the shell, in the place of candidates.
inline constexpr const char* kCompleteFiles = ":files";
inline constexpr const char* kCompleteCommands = ":commands";

// The names of a kind's objects; `plural` as in REST paths.
using NamesOf = std::function<std::vector<std::string>(std::string_view plural)>;

// `words` are those after "vsctl", the last is the one under the cursor, and may be empty.
std::vector<std::string> complete(const std::vector<std::string>& words, const NamesOf& names_of);

// The names by the daemon behind `--socket` in `words`, or else behind `default_socket`.
NamesOf names_from_daemon(const std::vector<std::string>& words, const std::string& default_socket);

}  // namespace vs::ctl
