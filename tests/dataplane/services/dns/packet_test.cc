// Packets of nameservers, honest and not.
#include "dataplane/services/dns/packet.h"

#include <gtest/gtest.h>

namespace vs::dns {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Packet {
  Bytes bytes;
  explicit Packet(std::string_view name, RecordType type = RecordType::a, int response = 0) {
    bytes = {0, 1, 0x81, static_cast<std::uint8_t>(0x80 | response), 0, 1, 0, 0, 0, 0, 0, 0};
    put_name(name);
    u16(static_cast<std::uint16_t>(type));
    u16(1);
  }
  void u16(std::size_t value) { bytes.push_back(static_cast<std::uint8_t>(value >> 8)), bytes.push_back(static_cast<std::uint8_t>(value)); }
  void u32(std::uint32_t value) { u16(value >> 16), u16(value & 0xffff); }
  void put_name(std::string_view name) {
    while (!name.empty()) {
      const auto dot = std::min(name.find('.'), name.size());
      bytes.push_back(static_cast<std::uint8_t>(dot));
      bytes.insert(bytes.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot));
      name.remove_prefix(std::min(dot + 1, name.size()));
    }
    bytes.push_back(0);
  }
  static Bytes named(std::string_view name) {
    Packet scratch("");
    scratch.bytes.clear();
    scratch.put_name(name);
    return scratch.bytes;
  }
  Packet& record(std::string_view owner, std::uint16_t type, std::uint32_t ttl, const Bytes& data, bool authority = false) {
    ++bytes[authority ? 9 : 7];
    put_name(owner);
    u16(type);
    u16(1);
    u32(ttl);
    u16(data.size());
    bytes.insert(bytes.end(), data.begin(), data.end());
    return *this;
  }
  Packet& soa(std::uint32_t ttl, std::uint32_t minimum) {
    Packet data("");
    data.bytes = named("ns.test");
    data.put_name("admin.test");
    for (const std::uint32_t value : {1u, 2u, 3u, 4u}) data.u32(value);
    data.u32(minimum);
    return record("test", 6, ttl, data.bytes, true);
  }
  [[nodiscard]] Result<Answer> read(std::string_view name, RecordType type = RecordType::a) const { return read_answer(bytes, name, type); }
};

const Bytes kAddress{10, 1, 2, 3};

TEST(DnsPacket, GivesAddressesWithTheShortestTtlOfTheChain) {
  const Packet packet = Packet("www.test").record("b.test", 1, 60, kAddress).record("www.test", 5, 300, Packet::named("a.test"))
                            .record("A.test", 5, 20, Packet::named("b.test")).record("b.test", 1, 50, {10, 1, 2, 4});
  const auto answer = packet.read("WWW.test");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->result, VS_DNS_FOUND);
  EXPECT_EQ(answer->canonical_name, "b.test");
  EXPECT_EQ(answer->addresses.size(), 2u);
  EXPECT_EQ(answer->ttl_s, 20u);
}

TEST(DnsPacket, PassesOverWhatIsNotOfTheChain) {
  const Packet packet = Packet("www.test").record("evil.test", 1, 60, kAddress).record("www.test", 1, 60, {1, 2, 3});
  EXPECT_EQ(packet.read("www.test")->result, VS_DNS_NO_DATA);
}

TEST(DnsPacket, KeepsANoAsLongAsItsSoaSays) {
  EXPECT_EQ(Packet("a.test", RecordType::a, 3).soa(100, 30).read("a.test")->ttl_s, 30u);
  EXPECT_EQ(Packet("a.test", RecordType::a, 3).soa(20, 30).read("a.test")->ttl_s, 20u);
  const auto no_data = Packet("a.test").record("a.test", 5, 10, Packet::named("b.test")).soa(100, 100).read("a.test");
  EXPECT_EQ(no_data->result, VS_DNS_NO_DATA);
  EXPECT_EQ(no_data->ttl_s, 10u);
  EXPECT_EQ(Packet("a.test", RecordType::a, 3).read("a.test")->ttl_s, 0u) << "nobody says how long";
  EXPECT_EQ(Packet("a.test").record("a.test", 1, 0xffffffff, kAddress).read("a.test")->ttl_s, 0u);
}

TEST(DnsPacket, TellsFailuresFromNos) {
  for (const int response : {1, 2, 4, 5}) EXPECT_TRUE(Packet("a.test", RecordType::a, response).read("a.test")->server_failed);
}

TEST(DnsPacket, GivesNamesOfAddresses) {
  const auto answer =
      Packet("3.2.1.10.in-addr.arpa", RecordType::ptr).record("3.2.1.10.in-addr.arpa", 12, 60, Packet::named("host.test"))
          .read("3.2.1.10.in-addr.arpa", RecordType::ptr);
  EXPECT_EQ(answer->names, std::vector<std::string>{"host.test"});
}

TEST(DnsPacket, IsOfTheQuestionThatWasAsked) {
  EXPECT_FALSE(Packet("a.test").read("b.test"));
  EXPECT_FALSE(Packet("a.test").read("a.test", RecordType::aaaa));
  Packet question("a.test");
  question.bytes[2] = 0;
  EXPECT_FALSE(question.read("a.test"));
}

TEST(DnsPacket, EndsForCirclesAndCuts) {
  const Packet circle = Packet("a.test").record("a.test", 5, 60, Packet::named("b.test")).record("b.test", 5, 60, Packet::named("a.test"));
  EXPECT_EQ(circle.read("a.test")->result, VS_DNS_NO_DATA);
  Packet pointer("a.test");
  ++pointer.bytes[7];
  pointer.bytes.insert(pointer.bytes.end(), {0xc0, static_cast<std::uint8_t>(pointer.bytes.size())});  // to itself
  EXPECT_FALSE(pointer.read("a.test"));
  const Packet whole = Packet("a.test").record("a.test", 1, 60, kAddress).soa(1, 1);
  for (std::size_t bytes = 0; bytes < whole.bytes.size(); ++bytes)
    EXPECT_FALSE(read_answer({whole.bytes.data(), bytes}, "a.test", RecordType::a)) << bytes;
}

TEST(DnsPacket, HasNoNamesWithBytesThatHostNamesDoNotHave) {
  const auto answer = Packet("a.test").record("a.test", 5, 60, {3, 'a', 0, 'b', 0}).record("a.test", 1, 60, kAddress).read("a.test");
  EXPECT_EQ(answer->canonical_name, "a.test");
}

}  // namespace
}  // namespace vs::dns
