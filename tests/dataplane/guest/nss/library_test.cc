// libnss_vservice.so.2 as glibc finds it. This program exports the fake client's functions, so that
// the library's calls end here.

#include <dlfcn.h>
#include <netdb.h>
#include <nss.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/dataplane/guest/nss/fake_client.h"

namespace {

using vs::test::address;
using vs::test::Answer;
using vs::test::Asked;
using vs::test::FakeClient;
using vs::test::Reply;
using vs::test::text_of;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

struct Found {
  int error = 0;
  std::set<std::string> addresses;
  std::string canonical;
};

Found find(const char* name, int family) {
  const addrinfo hints{.ai_flags = AI_CANONNAME, .ai_family = family, .ai_socktype = SOCK_STREAM};
  addrinfo* list = nullptr;
  Found found{.error = getaddrinfo(name, nullptr, &hints, &list)};
  const std::unique_ptr<addrinfo, FreeAddresses> owner(found.error == 0 ? list : nullptr);
  if (owner && owner->ai_canonname != nullptr) found.canonical = owner->ai_canonname;
  for (const addrinfo* one = owner.get(); one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                NI_NUMERICHOST);
    found.addresses.insert(text.data());
  }
  return found;
}

// getaddrinfo of this process goes to the library under test and nowhere else.
class Library : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_NE(dlopen(VS_NSS_LIBRARY, RTLD_NOW), nullptr) << dlerror();
    ASSERT_EQ(__nss_configure_lookup("hosts", "vservice"), 0);
  }
  void SetUp() override { fake_.reset(); }
  void TearDown() override { EXPECT_EQ(fake_.answers_alive(), 0); }
  FakeClient& fake_ = FakeClient::get();
};

TEST_F(Library, ExportsTheSixFunctionsAndNothingElse) {
  const std::unique_ptr<FILE, decltype(&pclose)> nm(
      popen("nm -D --defined-only --format=just-symbols '" VS_NSS_LIBRARY "'", "r"), &pclose);
  ASSERT_NE(nm, nullptr);
  std::set<std::string> symbols;
  for (std::array<char, 256> line{}; std::fgets(line.data(), line.size(), nm.get()) != nullptr;) {
    symbols.insert(std::string(line.data(), std::string(line.data()).find('\n')));
  }
  EXPECT_EQ(symbols, (std::set<std::string>{
                         "_nss_vservice_gethostbyname4_r", "_nss_vservice_gethostbyname3_r",
                         "_nss_vservice_gethostbyname2_r", "_nss_vservice_gethostbyname_r",
                         "_nss_vservice_gethostbyaddr2_r", "_nss_vservice_gethostbyaddr_r"}));
}

TEST_F(Library, AnswersGetaddrinfo) {
  fake_.answer(VS_DNS_FOUND, "web.example", {address("192.0.2.1"), address("2001:db8::1")});
  const Found both = find("www.example", AF_UNSPEC);
  EXPECT_EQ(both.error, 0);
  EXPECT_EQ(both.canonical, "web.example");
  EXPECT_EQ(both.addresses, (std::set<std::string>{"192.0.2.1", "2001:db8::1"}));
  EXPECT_EQ(fake_.calls(), 1);
  const Found inet6 = find("www.example", AF_INET6);
  EXPECT_EQ(inet6.canonical, "web.example");
  EXPECT_EQ(inet6.addresses, (std::set<std::string>{"2001:db8::1"}));
}

TEST_F(Library, GivesGetaddrinfoAThousandAddressesForOneRequest) {
  fake_.answer(VS_DNS_FOUND, "many.example", Answer::many(1000));
  for (const int family : {AF_UNSPEC, AF_INET}) {
    const Found found = find("many.example", family);
    EXPECT_EQ(found.error, 0) << gai_strerror(found.error);
    EXPECT_EQ(found.addresses.size(), 1000U);
  }
  EXPECT_EQ(fake_.calls(), 2);
}

TEST_F(Library, TellsProgramsWhatWentWrong) {
  const std::string label64(64, 'a');
  for (const int family : {AF_UNSPEC, AF_INET}) {
    fake_.answer(VS_DNS_NO_NAME, "", {});
    EXPECT_EQ(find("no.example", family).error, EAI_NONAME);
    EXPECT_EQ(find((label64 + ".example").c_str(), family).error, EAI_NONAME);
    fake_.answer(VS_DNS_NO_DATA, "", {});
    EXPECT_EQ(find("mail.example", family).error, EAI_NODATA);
    fake_.answer(VS_DNS_TRY_AGAIN, "", {});
    EXPECT_EQ(find("slow.example", family).error, EAI_AGAIN);
    fake_.fail(-ETIMEDOUT);
    EXPECT_EQ(find("slow.example", family).error, EAI_AGAIN);
  }
}

TEST_F(Library, LetsTheNextSourceAnswerOnlyWhenItCannotBeAsked) {
  ASSERT_NE(dlopen(VS_NEXT_SOURCE, RTLD_NOW), nullptr) << dlerror();
  ASSERT_EQ(__nss_configure_lookup("hosts", "vservice [!UNAVAIL=return] next"), 0);
  fake_.on_open([](int) { return -ENODEV; });
  EXPECT_EQ(find("next.test", AF_UNSPEC).addresses, (std::set<std::string>{"127.0.0.9"}));
  fake_.on_open([](int) { return 0; });
  fake_.answer(VS_DNS_NO_NAME, "", {});
  EXPECT_EQ(find("next.test", AF_UNSPEC).error, EAI_NONAME);
  fake_.answer(VS_DNS_TRY_AGAIN, "", {});
  EXPECT_EQ(find("next.test", AF_UNSPEC).error, EAI_AGAIN);
  ASSERT_EQ(__nss_configure_lookup("hosts", "vservice"), 0);
}

TEST_F(Library, AnswersGethostbynameAndGethostbyaddr) {
  fake_.on_resolve([](const Asked& asked) {
    if (asked.name.empty()) {
      return Reply{.answer = std::make_unique<Answer>(
                       VS_DNS_FOUND, "", std::vector<vs_dns_result_address>{},
                       std::vector<std::string>{"web.example", "www.example"})};
    }
    return Reply{.answer = std::make_unique<Answer>(VS_DNS_FOUND, "web.example",
                                                    std::vector{address("192.0.2.1")})};
  });
  const hostent* const forward = gethostbyname("www.example");
  ASSERT_NE(forward, nullptr);
  EXPECT_STREQ(forward->h_name, "web.example");
  EXPECT_STREQ(forward->h_aliases[0], "www.example");
  EXPECT_EQ(text_of(AF_INET, forward->h_addr_list[0]), "192.0.2.1");
  const vs_dns_result_address asked = address("192.0.2.1");
  const hostent* const reverse = gethostbyaddr(asked.bytes, 4, AF_INET);
  ASSERT_NE(reverse, nullptr);
  EXPECT_STREQ(reverse->h_name, "web.example");
  EXPECT_STREQ(reverse->h_aliases[0], "www.example");
}

}  // namespace
