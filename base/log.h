// One log line is one event with fields: `binding.ready domain=web1 service=dns took_ms=12`.
//
// Names are noun.verb in the past or as a state; units stand in keys; never a payload. Levels by the reaction wanted:
// error, a person must act; warn, a person should know; info, a state changed; debug, for us.
// Thread-safe: a line is one write(2) to standard error. Errors are ignored: a full log must not stop a service.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vs::log {

enum class Level : unsigned char { debug, info, warn, error };

struct Field {
  Field(std::string_view key, std::string_view text) : key(key), value(text) {}
  Field(std::string_view key, const char* text) : key(key), value(text) {}
  Field(std::string_view key, const std::string& text) : key(key), value(text) {}
  Field(std::string_view key, std::integral auto number) : key(key), value(std::to_string(number)) {}
  Field(std::string_view key, const Error& error) : key(key), value(error.message) {}

  std::string_view key;
  std::string value;
};
using Fields = std::initializer_list<Field>;

// Lines below `level` are dropped. Set once at start; `info` until then.
void set_level(Level level);
Result<Level> parse_level(std::string_view name);

void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) { write(Level::debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }

// The line as it is written, without time stamp and final newline. Values with blanks, quotes or control bytes are quoted
// and escaped, so that a hostile value can neither end the line nor fake a field. Pure.
std::string format(Level level, std::string_view event, Fields fields);

}  // namespace vs::log
