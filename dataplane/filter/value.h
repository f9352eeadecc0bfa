// What filters compute with: one of five types, something that is not there, or an error.
//
// A value is small and owns nothing: text and bytes lie elsewhere and must outlive it. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace vs::filter {

// `dynamic` is a type only while compiling: known when an event is there. `absent` and `error` are types only while running.
enum class Type : std::uint8_t { absent, error, boolean, integer, real, text, bytes, dynamic };

std::string_view name_of(Type type);  // "bool", "int", "double", "string", "bytes", ...

class Value {
 public:
  Value() = default;  // absent
  explicit Value(bool value) : type_(Type::boolean), integer_(value) {}
  explicit Value(std::int64_t value) : type_(Type::integer), integer_(value) {}
  explicit Value(double value) : type_(Type::real), real_(value) {}
  explicit Value(std::string_view text, Type type = Type::text)  // or bytes; at most 4 GiB
      : type_(type), length_(static_cast<std::uint32_t>(text.size())), data_(text.data()) {}
  static Value error() {
    Value value;
    value.type_ = Type::error;
    return value;
  }

  [[nodiscard]] Type type() const { return type_; }
  // Each only for a value of that type.
  [[nodiscard]] bool boolean() const { return integer_ != 0; }
  [[nodiscard]] std::int64_t integer() const { return integer_; }
  [[nodiscard]] double real() const { return real_; }
  [[nodiscard]] std::string_view text() const { return {data_, length_}; }  // of bytes, too

  [[nodiscard]] bool is(bool value) const { return type_ == Type::boolean && boolean() == value; }
  [[nodiscard]] bool is_number() const { return type_ == Type::integer || type_ == Type::real; }
  [[nodiscard]] bool is_string() const { return type_ == Type::text || type_ == Type::bytes; }

 private:
  Type type_ = Type::absent;
  std::uint32_t length_ = 0;
  union {
    std::int64_t integer_ = 0;
    double real_;
    const char* data_;
  };
};
static_assert(sizeof(Value) == 16);

enum class Comparison : std::uint8_t { equal, not_equal, less, at_most, more, at_least };

// Numbers compare as numbers, whatever their types and without rounding; text with text and bytes with bytes, by bytes; truth values
// only for equality. Anything else, an absent value among them, is an error (as in CEL). NaN is unequal to everything.
Value compare(const Value& left, Comparison how, const Value& right);

// By type and content; numbers that compare equal have one hash. For values that are neither absent nor errors.
std::uint64_t hash_of(const Value& value);

}  // namespace vs::filter
