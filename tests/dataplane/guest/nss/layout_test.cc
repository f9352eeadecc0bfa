#include "dataplane/guest/nss/layout.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dataplane/guest/nss/answers.h"

namespace {

using vs::test::address;
using vs::test::Answer;
using vs::test::text_of;

constexpr std::size_t kCanaryBytes = 64;
constexpr char kCanary = 0x5a;

// A buffer as a caller hands it over: `skew` bytes off the alignment of malloc, canaries before and
// behind, and, because it ends where the allocation's canary begins, any byte written past its end
// is seen.
class Buffer {
 public:
  Buffer(std::size_t bytes, std::size_t skew) : bytes_(bytes), before_(kCanaryBytes + skew) {
    memory_.assign(before_ + bytes + kCanaryBytes, kCanary);
  }
  char* data() { return memory_.data() + before_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool unharmed() const {
    const auto is_canary = [](char byte) { return byte == kCanary; };
    return std::all_of(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(before_),
                       is_canary) &&
           std::all_of(memory_.end() - kCanaryBytes, memory_.end(), is_canary);
  }
  [[nodiscard]] bool holds(const void* pointer, std::size_t bytes) const {
    const auto* const at = static_cast<const char*>(pointer);
    return at >= memory_.data() + before_ && at + bytes <= memory_.data() + before_ + bytes_;
  }

 private:
  std::size_t bytes_, before_;
  std::vector<char> memory_;
};

template <class T>
bool aligned(const T* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignof(T) == 0;
}

vs_nss_question of_name(const char* name, int family) {
  return {.subject = VS_NSS_OF_NAME, .family = family, .name = name};
}

vs_nss_question of_address(const char* text) {
  vs_nss_question question{.subject = VS_NSS_OF_ADDRESS};
  const vs_dns_result_address parsed = address(text);
  question.family = parsed.family;
  std::memcpy(question.address, parsed.bytes, sizeof parsed.bytes);
  return question;
}

std::size_t padding(const void* at, std::size_t alignment) {
  return (alignment - reinterpret_cast<std::uintptr_t>(at) % alignment) % alignment;
}

const Answer kMixed(VS_DNS_FOUND, "web.example",
                    {address("192.0.2.1", 300), address("2001:db8::1", 60),
                     address("192.0.2.2", 120)});

std::string texts(const gaih_addrtuple* first) {
  std::string all;
  for (const gaih_addrtuple* tuple = first; tuple != nullptr; tuple = tuple->next) {
    all += text_of(tuple->family, tuple->addr) + " ";
  }
  return all;
}

std::string texts(const hostent& host) {
  std::string all = std::string(host.h_name) + ":";
  for (char** alias = host.h_aliases; *alias != nullptr; ++alias) all += std::string(" ") + *alias;
  all += " =";
  for (char** at = host.h_addr_list; *at != nullptr; ++at)
    all += " " + text_of(host.h_addrtype, *at);
  return all;
}

TEST(Layout, TuplesHoldIpv6ThenIpv4EachInTheOrderOfTheAnswer) {
  const vs_nss_question question = of_name("web.example", AF_UNSPEC);
  Buffer buffer(1024, 0);
  gaih_addrtuple* tuples = nullptr;
  int32_t ttl_s = -1;
  const vs_nss_target target{
      .buffer = buffer.data(), .bytes = buffer.bytes(), .tuples = &tuples, .ttl_s = &ttl_s};
  ASSERT_EQ(vs_nss_lay(&question, &kMixed.set(), &target), VS_NSS_LAID);
  EXPECT_EQ(texts(tuples), "2001:db8::1 192.0.2.1 192.0.2.2 ");
  EXPECT_STREQ(tuples->name, "web.example");
  EXPECT_EQ(tuples->scopeid, 0U);
  EXPECT_EQ(ttl_s, 60);
}

TEST(Layout, TuplesBeginInTheCallersOwnTupleWhenThereIsOne) {
  const vs_nss_question question = of_name("web.example", AF_UNSPEC);
  Buffer buffer(1024, 0);
  gaih_addrtuple own{};
  gaih_addrtuple* tuples = &own;
  const vs_nss_target target{.buffer = buffer.data(), .bytes = buffer.bytes(), .tuples = &tuples};
  ASSERT_EQ(vs_nss_lay(&question, &kMixed.set(), &target), VS_NSS_LAID);
  EXPECT_EQ(tuples, &own);
  EXPECT_EQ(texts(&own), "2001:db8::1 192.0.2.1 192.0.2.2 ");
}

// Every size from nothing to enough, at every alignment a buffer can have: too small is said and
// harms nothing; the first size that is enough is the exact sum of the parts.
TEST(Layout, TuplesFitFromTheExactSizeOn) {
  const vs_nss_question question = of_name("web.example", AF_UNSPEC);
  for (std::size_t skew = 0; skew < 16; ++skew) {
    const std::size_t needed = 3 * sizeof(gaih_addrtuple) + sizeof "web.example";
    for (std::size_t bytes = 0; bytes <= needed + 16; ++bytes) {
      Buffer buffer(bytes, skew);
      gaih_addrtuple* tuples = nullptr;
      int32_t ttl_s = -1;
      const vs_nss_target target{
          .buffer = buffer.data(), .bytes = bytes, .tuples = &tuples, .ttl_s = &ttl_s};
      const vs_nss_laid laid = vs_nss_lay(&question, &kMixed.set(), &target);
      const bool enough = bytes >= needed + padding(buffer.data(), alignof(gaih_addrtuple));
      ASSERT_EQ(laid, enough ? VS_NSS_LAID : VS_NSS_NO_ROOM) << bytes << " bytes, skew " << skew;
      ASSERT_TRUE(buffer.unharmed()) << bytes << " bytes, skew " << skew;
      if (!enough) {
        ASSERT_EQ(tuples, nullptr);
        ASSERT_EQ(ttl_s, -1);
        continue;
      }
      ASSERT_EQ(texts(tuples), "2001:db8::1 192.0.2.1 192.0.2.2 ");
      for (const gaih_addrtuple* tuple = tuples; tuple != nullptr; tuple = tuple->next) {
        ASSERT_TRUE(aligned(tuple));
        ASSERT_TRUE(buffer.holds(tuple, sizeof *tuple));
      }
      ASSERT_TRUE(buffer.holds(tuples->name, sizeof "web.example"));
    }
  }
}

TEST(Layout, HostFitsFromTheExactSizeOn) {
  const vs_nss_question question = of_name("www.example", AF_INET);
  const std::string expected = "web.example: www.example = 192.0.2.1 192.0.2.2";
  for (std::size_t skew = 0; skew < 16; ++skew) {
    const std::size_t needed =
        (3 + 2) * sizeof(char*) + 2 * sizeof(in_addr) + sizeof "web.example" + sizeof "www.example";
    for (std::size_t bytes = 0; bytes <= needed + 16; ++bytes) {
      Buffer buffer(bytes, skew);
      hostent host{};
      int32_t ttl_s = -1;
      char* canonical = nullptr;
      const vs_nss_target target{.buffer = buffer.data(),
                                 .bytes = bytes,
                                 .host = &host,
                                 .ttl_s = &ttl_s,
                                 .canonical = &canonical};
      const vs_nss_laid laid = vs_nss_lay(&question, &kMixed.set(), &target);
      const bool enough = bytes >= needed + padding(buffer.data(), alignof(char*));
      ASSERT_EQ(laid, enough ? VS_NSS_LAID : VS_NSS_NO_ROOM) << bytes << " bytes, skew " << skew;
      ASSERT_TRUE(buffer.unharmed()) << bytes << " bytes, skew " << skew;
      if (!enough) {
        ASSERT_EQ(host.h_name, nullptr);
        ASSERT_EQ(canonical, nullptr);
        ASSERT_EQ(ttl_s, -1);
        continue;
      }
      ASSERT_EQ(texts(host), expected);
      ASSERT_EQ(host.h_length, 4);
      ASSERT_STREQ(canonical, "web.example");
      ASSERT_EQ(ttl_s, 120);
      ASSERT_TRUE(aligned(host.h_addr_list));
      ASSERT_TRUE(aligned(host.h_aliases));
      ASSERT_TRUE(aligned(reinterpret_cast<const in_addr*>(host.h_addr_list[0])));
    }
  }
}

TEST(Layout, NamesFitFromTheExactSizeOn) {
  const Answer answer(VS_DNS_FOUND, "one.example", {}, {"one.example", "two.example"});
  const vs_nss_question question = of_address("2001:db8::7");
  for (std::size_t skew = 0; skew < 16; ++skew) {
    const std::size_t needed =
        (2 + 3) * sizeof(char*) + sizeof(in6_addr) + sizeof "one.example" + sizeof "two.example";
    for (std::size_t bytes = 0; bytes <= needed + 16; ++bytes) {
      Buffer buffer(bytes, skew);
      hostent host{};
      int32_t ttl_s = 7;
      const vs_nss_target target{
          .buffer = buffer.data(), .bytes = bytes, .host = &host, .ttl_s = &ttl_s};
      const vs_nss_laid laid = vs_nss_lay(&question, &answer.set(), &target);
      const bool enough = bytes >= needed + padding(buffer.data(), alignof(char*));
      ASSERT_EQ(laid, enough ? VS_NSS_LAID : VS_NSS_NO_ROOM) << bytes << " bytes, skew " << skew;
      ASSERT_TRUE(buffer.unharmed()) << bytes << " bytes, skew " << skew;
      ASSERT_EQ(ttl_s, 7);
      if (enough) {
        ASSERT_EQ(texts(host), "one.example: two.example = 2001:db8::7");
      }
    }
  }
}

// The same with allocations of exactly the size, so that a sanitizer sees the first byte outside,
// read or written.
TEST(Layout, StaysInsideAnAllocationOfExactlyItsSize) {
  const vs_nss_question question = of_name("www.example", AF_INET);
  for (std::size_t bytes = 0; bytes <= 128; ++bytes) {
    const std::unique_ptr<char, decltype(&std::free)> memory(static_cast<char*>(std::malloc(bytes)),
                                                             &std::free);
    hostent host{};
    const vs_nss_target target{.buffer = memory.get(), .bytes = bytes, .host = &host};
    const bool enough = bytes >= 5 * sizeof(char*) + 2 * sizeof(in_addr) + 2 * sizeof "web.example";
    ASSERT_EQ(vs_nss_lay(&question, &kMixed.set(), &target), enough ? VS_NSS_LAID : VS_NSS_NO_ROOM)
        << bytes;
  }
}

TEST(Layout, ThousandAddressesFitWhenTheBufferIsLargeEnough) {
  const Answer answer(VS_DNS_FOUND, "many.example", Answer::many(1000));
  const vs_nss_question question = of_name("many.example", AF_INET);
  const std::size_t needed =
      (1001 + 1) * sizeof(char*) + 1000 * sizeof(in_addr) + sizeof "many.example";
  for (const std::size_t bytes : {needed - 1, needed}) {
    Buffer buffer(bytes, 0);
    hostent host{};
    const vs_nss_target target{.buffer = buffer.data(), .bytes = bytes, .host = &host};
    const std::size_t skew = padding(buffer.data(), alignof(char*));
    ASSERT_EQ(skew, 0U);
    ASSERT_EQ(vs_nss_lay(&question, &answer.set(), &target),
              bytes == needed ? VS_NSS_LAID : VS_NSS_NO_ROOM);
    ASSERT_TRUE(buffer.unharmed());
    if (bytes == needed) {
      EXPECT_EQ(text_of(AF_INET, host.h_addr_list[999]), "10.0.3.231");
      EXPECT_EQ(host.h_addr_list[1000], nullptr);
    }
  }
}

TEST(Layout, CanonicalNameThatIsNoHostNameIsNotShown) {
  const Answer answer(VS_DNS_FOUND, "$(reboot).example", {address("192.0.2.1")});
  const vs_nss_question question = of_name("www.example.", AF_INET);
  Buffer buffer(256, 0);
  hostent host{};
  const vs_nss_target target{.buffer = buffer.data(), .bytes = buffer.bytes(), .host = &host};
  ASSERT_EQ(vs_nss_lay(&question, &answer.set(), &target), VS_NSS_LAID);
  EXPECT_EQ(texts(host), "www.example: = 192.0.2.1");
}

TEST(Layout, ReverseNamesThatAreNoHostNamesAreLeftOut) {
  const Answer answer(VS_DNS_FOUND, "", {}, {"evil name.example", "good.example", "-x.example"});
  const vs_nss_question question = of_address("192.0.2.9");
  Buffer buffer(256, 0);
  hostent host{};
  const vs_nss_target target{.buffer = buffer.data(), .bytes = buffer.bytes(), .host = &host};
  ASSERT_EQ(vs_nss_lay(&question, &answer.set(), &target), VS_NSS_LAID);
  EXPECT_EQ(texts(host), "good.example: = 192.0.2.9");

  const Answer evil(VS_DNS_FOUND, "", {}, {"evil name.example"});
  EXPECT_EQ(vs_nss_lay(&question, &evil.set(), &target), VS_NSS_NOTHING);
}

TEST(Layout, NoAddressOfTheFamilyIsNothing) {
  const Answer answer(VS_DNS_FOUND, "web.example", {address("192.0.2.1")});
  const vs_nss_question question = of_name("web.example", AF_INET6);
  Buffer buffer(256, 0);
  hostent host{};
  const vs_nss_target target{.buffer = buffer.data(), .bytes = buffer.bytes(), .host = &host};
  EXPECT_EQ(vs_nss_lay(&question, &answer.set(), &target), VS_NSS_NOTHING);
  EXPECT_EQ(host.h_name, nullptr);
}

TEST(Layout, SmallestTtlIsOfTheWantedFamilyAndNeverNegative) {
  const Answer answer(
      VS_DNS_FOUND, "web.example",
      {address("192.0.2.1", 300), address("2001:db8::1", 5), address("192.0.2.2", 0xffffffff)});
  Buffer buffer(256, 0);
  hostent host{};
  int32_t ttl_s = -1;
  const vs_nss_target target{
      .buffer = buffer.data(), .bytes = buffer.bytes(), .host = &host, .ttl_s = &ttl_s};
  const vs_nss_question inet6 = of_name("web.example", AF_INET6);
  ASSERT_EQ(vs_nss_lay(&inet6, &answer.set(), &target), VS_NSS_LAID);
  EXPECT_EQ(ttl_s, 5);
  const vs_nss_question inet = of_name("web.example", AF_INET);
  ASSERT_EQ(vs_nss_lay(&inet, &answer.set(), &target), VS_NSS_LAID);
  EXPECT_EQ(ttl_s, 0);
}

}  // namespace
