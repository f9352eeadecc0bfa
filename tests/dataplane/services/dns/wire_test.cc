#include "dataplane/services/dns/wire.h"

#include <cstring>

#include <gtest/gtest.h>

namespace vs::dns {
namespace {

std::vector<std::byte> lookup(std::uint8_t family, std::uint16_t name_bytes, std::string_view name) {
  const vs_dns_lookup head{.family = family, .name_bytes = name_bytes};
  std::vector<std::byte> bytes(sizeof head + name.size());
  std::memcpy(bytes.data(), &head, sizeof head);
  std::memcpy(bytes.data() + sizeof head, name.data(), name.size());
  return bytes;
}

std::string label(std::size_t bytes) { return std::string(bytes, 'a'); }

TEST(DnsName, OfTheLongestLengthsIsTaken) {
  EXPECT_TRUE(judge_name(label(63) + ".test"));
  const std::string longest = label(63) + "." + label(63) + "." + label(63) + "." + label(61);
  ASSERT_EQ(longest.size(), 253u);
  EXPECT_TRUE(judge_name(longest));
  EXPECT_TRUE(judge_name("_service._tcp.example"));
}

TEST(DnsName, ThatCannotBeIsRefused) {
  const std::string too_long = label(63) + "." + label(63) + "." + label(63) + "." + label(62);
  for (const std::string& name :
       {std::string(), label(64) + ".test", too_long, std::string(".test"), std::string("a..test"), std::string("a."),
        std::string("a\0b.test", 8), std::string("a b"), std::string("a\\b"), std::string("\xc3\xa4.test"),
        std::string("a\n")}) {
    EXPECT_FALSE(judge_name(name)) << name;
  }
}

TEST(DnsRequest, ThatIsNotOneIsRefused) {
  EXPECT_TRUE(decode_lookup(lookup(VS_DNS_ANY, 6, "a.test")));
  EXPECT_FALSE(decode_lookup(lookup(VS_DNS_ANY, 5, "a.test")));
  EXPECT_FALSE(decode_lookup(lookup(VS_DNS_ANY, 7, "a.test")));
  EXPECT_FALSE(decode_lookup(lookup(VS_DNS_ANY, 0xffff, "a.test")));
  EXPECT_FALSE(decode_lookup(lookup(3, 6, "a.test")));
  EXPECT_FALSE(decode_lookup({}));
  const vs_dns_reverse reverse{.family = VS_DNS_INET, .address = {10, 1, 2, 3}};
  const auto bytes = std::as_bytes(std::span(&reverse, 1));
  EXPECT_TRUE(decode_reverse(bytes));
  EXPECT_FALSE(decode_reverse(bytes.first(bytes.size() - 1)));
  const vs_dns_reverse unknown{.family = 5};
  EXPECT_FALSE(decode_reverse(std::as_bytes(std::span(&unknown, 1))));
}

TEST(DnsRequest, SaysWhichFamilies) {
  const auto both = decode_lookup(lookup(VS_DNS_ANY, 6, "a.test"));
  EXPECT_TRUE(both->inet && both->inet6);
  const auto inet6 = decode_lookup(lookup(VS_DNS_INET6, 6, "a.test"));
  EXPECT_TRUE(!inet6->inet && inet6->inet6);
}

TEST(DnsAnswer, IsCutAtItsLimitOfAddresses) {
  Answer answer{.result = VS_DNS_FOUND, .canonical_name = "a.test"};
  answer.addresses.resize(VS_DNS_ADDRESSES_MAX + 10);
  const auto bytes = encode_addresses(answer);
  EXPECT_EQ(bytes.size(), sizeof(vs_dns_addresses) + VS_DNS_ADDRESSES_MAX * sizeof(vs_dns_address) + 6);
}

TEST(DnsAnswer, LeavesOutNamesThatAreTooLong) {
  const auto bytes = encode_names(VS_DNS_FOUND, {std::string(300, 'a')});
  vs_dns_names head;
  std::memcpy(&head, bytes.data(), sizeof head);
  EXPECT_EQ(head.name_count, 0);
  EXPECT_EQ(head.result, static_cast<std::uint32_t>(VS_DNS_NO_DATA));
}

}  // namespace
}  // namespace vs::dns
