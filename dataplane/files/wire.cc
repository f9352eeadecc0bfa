#include "dataplane/files/wire.h"

namespace vs::files {

std::uint64_t Parser::number(std::size_t count) {
  if (rest_.size() < count) {
    good_ = false;
    rest_ = {};
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::to_integer<std::uint64_t>(rest_[i]) << (8 * i);
  rest_ = rest_.subspan(count);
  return value;
}

std::string_view Parser::bytes(std::size_t count) {
  if (rest_.size() < count) {
    good_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view value(reinterpret_cast<const char*>(rest_.data()), count);
  rest_ = rest_.subspan(count);
  return value;
}

Writer::Writer(std::uint8_t type, std::uint16_t tag) { u32(0).u8(type).u16(tag); }

Writer& Writer::number(std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  return *this;
}

Writer& Writer::bytes(std::string_view value) {
  const auto data = std::as_bytes(std::span(value));
  bytes_.insert(bytes_.end(), data.begin(), data.end());
  return *this;
}

Writer& Writer::text(std::string_view value) { return u16(static_cast<std::uint16_t>(value.size())).bytes(value); }

// Of a version there is no use: what is read is never kept.
Writer& Writer::qid(const Qid& qid) { return u8(qid.directory ? 0x80 : 0).u32(0).u64(qid.path); }

std::span<const std::byte> Writer::finish() {
  for (std::size_t i = 0; i < 4; ++i) bytes_[i] = static_cast<std::byte>(bytes_.size() >> (8 * i));
  return bytes_;
}

}  // namespace vs::files
