// What a derived channel makes of the events of its source: a chain of operators, each of which gets what the one before it lets through.
//
//   chain     = operator *( "|" operator )
//   operator  = "project" field *( "," field )                 ; only these are kept
//             / "sample" count [ "all" ]                        ; the first of each `count`
//             / "throttle" count [ "all" ]                      ; at most so many a second, evenly: the others go
//             / "debounce" time [ "all" ]                       ; the last, once none came for so long
//             / "window" aggregate *( "," aggregate ) "over" ( count / time ) [ "all" ]
//             / "onchange" field *( "," field ) [ "all" ]       ; those that differ from the one let through before
//   aggregate = ( "avg" / "min" / "max" ) "(" attribute ")"     ; becomes the attribute avg_NAME, ...
//   field     = "payload" / "key" / attribute
//   attribute = "attributes." name
//   time      = count ( "ms" / "s" / "m" )
//
// What an operator remembers it remembers for each source channel and key; with "all" for all of them together. Pure; thread-safe.
// Errors: invalid, "column 7: ...".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/filter/event_schema.h"

namespace vs::filter {

inline constexpr std::size_t kChainTextBytesMax = 2048;
inline constexpr std::size_t kOperatorsMax = 8;
inline constexpr std::size_t kFieldsMax = 16;  // of one operator
inline constexpr std::uint64_t kOperatorCountMax = 1'000'000;
inline constexpr std::chrono::milliseconds kOperatorTimeMax = std::chrono::hours(1);

enum class OperatorKind : std::uint8_t { project, sample, throttle, debounce, window, on_change };

struct Field {
  enum class Of : std::uint8_t { payload, key, attribute };
  Of of{};
  std::string name;  // of an attribute
  std::uint32_t column = 0;
};

struct Aggregate {
  enum class Function : std::uint8_t { avg, min, max };
  Function function{};
  Field of;
  std::string result;  // the attribute it becomes
};

struct OperatorTerms {
  OperatorKind kind{};
  bool all = false;  // keys and channels are not told apart
  std::uint64_t count = 0;             // of sample, throttle, and of a window over events
  std::chrono::milliseconds time{};    // of debounce, and of a window over time
  std::vector<Field> fields;           // of project and on_change
  std::vector<Aggregate> aggregates;   // of window
};

// An empty text is a chain of none: events pass as they are.
Result<std::vector<OperatorTerms>> parse_chain(std::string_view text);

// Whether each attribute that an operator names can be there, and be a number where one is needed, in events of `source`.
Result<> judge_chain(const std::vector<OperatorTerms>& chain, const EventSchema& source);

inline constexpr std::string_view kWindowCount = "count";  // the attribute that says of how many events a window was

}  // namespace vs::filter
