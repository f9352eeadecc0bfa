#include "tests/bench/ring/options.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

namespace vs::bench {
namespace {

template <class T>
T one_of(const std::map<std::string_view, T>& known, std::string_view word) {
  const auto found = known.find(word);
  if (found == known.end()) die("what is '" + std::string(word) + "'?");
  return found->second;
}

double number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value > 0)) die("'" + text + "' is not a number above 0");
  return value;
}

void set(Options& options, std::string_view key, const std::string& value) {
  if (key == "case") {
    options.name = value;
  } else if (key == "wait") {
    options.wait = one_of<Wait>(
        {{"spin", Wait::spin}, {"adaptive", Wait::adaptive}, {"block", Wait::block}, {"timer", Wait::timer}}, value);
  } else if (key == "cores") {
    options.cores = one_of<Cores>({{"same", Cores::same}, {"two", Cores::two}}, value);
  } else if (key == "payload") {
    options.payload_bytes = static_cast<std::size_t>(number(value));
  } else if (key == "seconds") {
    options.time = std::chrono::nanoseconds(static_cast<std::int64_t>(number(value) * 1e9));
  } else if (key == "batch") {
    options.batch = static_cast<std::size_t>(number(value));
  } else if (key == "scratch") {
    options.scratch = value;
  } else {
    die("unknown option '" + std::string(key) + "'");
  }
}

}  // namespace

Options parse(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) die("'" + word + "' is not KEY=VALUE");
    set(options, std::string_view(word).substr(0, equals), word.substr(equals + 1));
  }
  if (options.payload_bytes < kPayloadBytesMin || options.payload_bytes > kPayloadBytesMax) die("payload out of range");
  return options;
}

void die(const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
  ::_exit(1);
}

void must(bool fine, const char* doing) {
  if (!fine) die(std::string(doing) + ": " + std::strerror(errno));
}

}  // namespace vs::bench
