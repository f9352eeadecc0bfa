// What a channel says of its events: the types of their attributes, which of them must be there, and the content type.
//
//   schema     = attribute *( "," attribute ) [ "," "..." ]     ; "price double required, symbol string"
//   attribute  = name ( "bool" / "int" / "double" / "string" / "bytes" ) [ "required" ]
//
// Behind "..." events may have other attributes, too, of any type; without it they may not. Types are not converted: an int is no double.
// Immutable, thread-safe. Errors: invalid, in words: of a text "column 7: ...", of an event what breaks the schema, of a filter the column
// of what does not fit; exhausted, when a filter costs too much.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/filter/schema.h"
#include "dataplane/filter/value.h"

namespace vs::filter {

inline constexpr std::size_t kSchemaAttributesMax = 64;
inline constexpr std::size_t kSchemaTextBytesMax = 4096;
inline constexpr std::size_t kAttributeNameBytesMax = 64;
inline constexpr std::string_view kAttributes = "attributes";

// The slots of what every event has; those of attributes are behind them.
enum EventSlot : std::size_t { kChannelSlot, kKeySlot, kContentTypeSlot, kSequenceSlot, kPayloadSlot, kFixedSlots };
// The names of what every event has, in the order of their slots.
Schema event_names();

bool is_attribute_name(std::string_view name);

class EventSchema {
 public:
  using Attribute = std::pair<std::string_view, Value>;  // of an event

  // Says nothing: every event keeps it, every filter fits.
  EventSchema() = default;
  // An empty text says nothing of attributes, an empty content type allows any.
  static Result<EventSchema> parse(std::string_view text, std::string_view content_type);

  [[nodiscard]] bool empty() const { return open_ && declared_.empty() && content_type_.empty(); }
  [[nodiscard]] const std::string& content_type() const { return content_type_; }
  // As parse() reads it.
  [[nodiscard]] std::string text() const;
  // dynamic: not said, but possible; nullopt: events have none such.
  [[nodiscard]] std::optional<Type> type_of(std::string_view attribute) const;

  [[nodiscard]] Result<> judge(std::span<const Attribute> attributes, std::string_view content_type) const;
  [[nodiscard]] Result<> judge_filter(std::string_view text) const;

  friend bool operator==(const EventSchema&, const EventSchema&) = default;

 private:
  struct Declared {
    std::string name;
    Type type;
    bool required;
    friend bool operator==(const Declared&, const Declared&) = default;
  };
  [[nodiscard]] const Declared* find(std::string_view name) const;

  std::vector<Declared> declared_;
  std::size_t required_ = 0;  // how many are
  bool open_ = true;
  std::string content_type_;
};

}  // namespace vs::filter
