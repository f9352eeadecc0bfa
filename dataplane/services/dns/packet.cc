#include "dataplane/services/dns/packet.h"

#include <strings.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace vs::dns {
namespace {

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr int kResponseFound = 0;
inline constexpr int kResponseNoName = 3;

// A place in the packet. What does not fit makes it `bad`, and everything read from then on 0.
class Reader {
 public:
  Reader(std::span<const std::uint8_t> packet, std::size_t at) : packet_(packet), at_(at) {}

  [[nodiscard]] bool bad() const { return bad_; }
  [[nodiscard]] std::size_t at() const { return at_; }
  std::uint16_t u16() {
    const auto bytes = take(2);
    return bytes.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::span<const std::uint8_t> take(std::size_t count) {
    if (bad_ || packet_.size() - at_ < count) {
      bad_ = true;
      return {};
    }
    at_ += count;
    return packet_.subspan(at_ - count, count);
  }
  // In text, without a final dot; one with bytes that no host name has is empty, as the root is.
  std::string name();

 private:
  std::span<const std::uint8_t> packet_;
  std::size_t at_;
  bool bad_ = false;
};

bool is_plain(std::uint8_t byte) { return byte > ' ' && byte < 0x7f && byte != '.' && byte != '\\'; }

std::string Reader::name() {
  std::string text;
  bool plain = true;
  std::size_t from = at_;
  std::optional<std::size_t> behind;  // the first pointer
  for (int steps = 0; steps < kNameStepsMax && from < packet_.size(); ++steps) {
    const std::uint8_t length = packet_[from];
    if (length == 0) {
      at_ = behind.value_or(from + 1);
      return plain && text.size() <= VS_DNS_NAME_BYTES_MAX ? text : std::string();
    }
    if ((length & 0xc0) == 0xc0) {
      if (from + 1 >= packet_.size()) break;
      const std::size_t to = std::size_t{length & 0x3fu} << 8 | packet_[from + 1];
      if (!behind) behind = from + 2;
      if (to >= from) break;
      from = to;
      continue;
    }
    if (length > VS_DNS_LABEL_BYTES_MAX || packet_.size() - from - 1 < length) break;
    if (!text.empty()) text += '.';
    for (const std::uint8_t byte : packet_.subspan(from + 1, length)) {
      plain = plain && is_plain(byte);
      text += static_cast<char>(byte);
    }
    if (text.size() > VS_DNS_NAME_BYTES_MAX) break;
    from += 1 + std::size_t{length};
  }
  bad_ = true;
  return {};
}

struct Record {
  std::string owner;
  std::uint16_t type = 0;
  std::uint16_t rr_class = 0;
  std::uint32_t ttl_s = 0;
  std::size_t data_at = 0;
  std::span<const std::uint8_t> data;
};

Record read_record(Reader& reader) {
  Record record{.owner = reader.name()};
  record.type = reader.u16();
  record.rr_class = reader.u16();
  record.ttl_s = reader.u32();
  if (record.ttl_s > INT32_MAX) record.ttl_s = 0;  // RFC 2181 8
  const std::uint16_t bytes = reader.u16();
  record.data_at = reader.at();
  record.data = reader.take(bytes);
  return record;
}

bool is(const Record& record, RecordType type) {
  return record.rr_class == kClassInternet && record.type == static_cast<std::uint16_t>(type);
}

bool same_name(std::string_view left, std::string_view right) {
  return left.size() == right.size() && ::strncasecmp(left.data(), right.data(), left.size()) == 0;
}

// A name inside a record's data.
std::string name_in(std::span<const std::uint8_t> packet, const Record& record) {
  Reader reader(packet, record.data_at);
  std::string name = reader.name();
  return reader.bad() || reader.at() > record.data_at + record.data.size() ? std::string() : name;
}

// Follows the CNAMEs from `name`; they may come in any order, and in a circle. Brings `ttl_s` down to their smallest.
std::string end_of_chain(std::span<const std::uint8_t> packet, const std::vector<Record>& records, std::string name,
                         std::uint32_t& ttl_s) {
  for (std::size_t steps = 0; steps < kCnamesMax; ++steps) {
    const auto next = std::find_if(records.begin(), records.end(), [&](const Record& record) {
      return is(record, RecordType::cname) && same_name(record.owner, name);
    });
    if (next == records.end()) break;
    std::string target = name_in(packet, *next);
    if (target.empty()) break;
    name = std::move(target);
    ttl_s = std::min(ttl_s, next->ttl_s);
  }
  return name;
}

// RFC 2308 5: the smaller one of the SOA's own TTL and its last field. Without one: 0, that is not kept.
std::uint32_t negative_ttl(std::span<const std::uint8_t> packet, const std::vector<Record>& authority) {
  for (const Record& record : authority) {
    if (!is(record, RecordType::soa)) continue;
    Reader reader(packet, record.data_at);
    (void)reader.name();
    (void)reader.name();
    reader.take(16);
    const std::uint32_t minimum = reader.u32();
    if (reader.bad() || reader.at() > record.data_at + record.data.size() || minimum > INT32_MAX) return 0;
    return std::min(record.ttl_s, minimum);
  }
  return 0;
}

void add(Answer& answer, std::span<const std::uint8_t> packet, const Record& record, RecordType type) {
  if (type == RecordType::ptr) {
    std::string name = name_in(packet, record);
    if (!name.empty() && answer.names.size() < VS_DNS_NAMES_MAX) answer.names.push_back(std::move(name));
    return;
  }
  Address address{.inet6 = type == RecordType::aaaa};
  if (record.data.size() != (address.inet6 ? 16u : 4u)) return;
  std::copy(record.data.begin(), record.data.end(), address.bytes.begin());
  answer.addresses.push_back(address);
}

tl::unexpected<Error> no_answer(const char* why) { return fail(ErrorCode::invalid, std::string("dns answer: ") + why); }

}  // namespace

Result<Answer> read_answer(std::span<const std::uint8_t> packet, std::string_view name, RecordType type) {
  if (packet.size() < kHeaderBytes) return no_answer("shorter than its header");
  if ((packet[2] & 0x80) == 0) return no_answer("is a question");
  Reader counts(packet, 4);
  const std::uint16_t questions = counts.u16(), answers = counts.u16(), authorities = counts.u16();
  if (questions != 1) return no_answer("not of one question");
  Reader reader(packet, kHeaderBytes);
  const std::string asked = reader.name();
  const std::uint16_t asked_type = reader.u16(), asked_class = reader.u16();
  if (reader.bad() || !same_name(asked, name) || asked_type != static_cast<std::uint16_t>(type) || asked_class != kClassInternet)
    return no_answer("of another question");

  const int response = packet[3] & 0x0f;
  Answer answer;
  if (response != kResponseFound && response != kResponseNoName) {
    answer.server_failed = true;
    return answer;
  }
  std::vector<Record> records, authority;
  for (int i = 0; i < answers + authorities && !reader.bad(); ++i)
    (i < answers ? records : authority).push_back(read_record(reader));
  if (reader.bad()) return no_answer("its records do not fit it");

  std::uint32_t ttl_s = UINT32_MAX;
  answer.canonical_name = end_of_chain(packet, records, std::string(name), ttl_s);
  for (const Record& record : records) {
    if (!is(record, type) || !same_name(record.owner, answer.canonical_name)) continue;
    add(answer, packet, record, type);
    ttl_s = std::min(ttl_s, record.ttl_s);
  }
  const bool found = response == kResponseFound && (!answer.addresses.empty() || !answer.names.empty());
  if (!found) {
    answer.addresses.clear();
    answer.names.clear();
    ttl_s = std::min(ttl_s, negative_ttl(packet, authority));
  }
  answer.result = found ? VS_DNS_FOUND : response == kResponseNoName ? VS_DNS_NO_NAME : VS_DNS_NO_DATA;
  set_ttl(answer, ttl_s);
  return answer;
}

}  // namespace vs::dns
