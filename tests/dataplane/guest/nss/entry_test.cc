#include "dataplane/guest/nss/entry.h"

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/guest/nss/lookup.h"
#include "tests/dataplane/guest/nss/fake_client.h"

namespace {

using vs::test::address;
using vs::test::Answer;
using vs::test::Asked;
using vs::test::FakeClient;
using vs::test::Reply;
using vs::test::text_of;

constexpr int kUntouched = 4711;

class Entry : public testing::Test {
 protected:
  void SetUp() override { fake_.reset(); }
  void TearDown() override {
    EXPECT_EQ(fake_.violations(), 0);
    EXPECT_EQ(fake_.answers_alive(), 0);
  }

  nss_status by_name4(const char* name) {
    tuples_ = nullptr;
    return _nss_vservice_gethostbyname4_r(name, &tuples_, buffer_.data(), buffer_.size(), &errno_,
                                          &h_errno_, &ttl_s_);
  }
  nss_status by_name3(const char* name, int family) {
    return _nss_vservice_gethostbyname3_r(name, family, &host_, buffer_.data(), buffer_.size(),
                                          &errno_, &h_errno_, &ttl_s_, &canonical_);
  }
  nss_status by_address(const char* text, int family, socklen_t bytes) {
    const vs_dns_result_address parsed = address(text);
    return _nss_vservice_gethostbyaddr2_r(parsed.bytes, bytes, family, &host_, buffer_.data(),
                                          buffer_.size(), &errno_, &h_errno_, &ttl_s_);
  }
  std::string numbers() const { return std::to_string(errno_) + " " + std::to_string(h_errno_); }
  static std::string numbers(int error, int host_error) {
    return std::to_string(error) + " " + std::to_string(host_error);
  }

  FakeClient& fake_ = FakeClient::get();
  std::vector<char> buffer_ = std::vector<char>(1024);
  gaih_addrtuple* tuples_ = nullptr;
  hostent host_{};
  char* canonical_ = nullptr;
  int32_t ttl_s_ = -1;
  int errno_ = kUntouched;
  int h_errno_ = kUntouched;
};

TEST_F(Entry, ByName4AsksOnceForBothFamilies) {
  fake_.on_resolve([](const Asked& asked) {
    EXPECT_EQ(asked.name, "www.example");
    EXPECT_EQ(asked.family, AF_UNSPEC);
    EXPECT_LE(asked.timeout_ms, VS_NSS_LOOKUP_MS);
    return Reply{.answer = std::make_unique<Answer>(
                     VS_DNS_FOUND, "web.example",
                     std::vector{address("192.0.2.1", 9), address("2001:db8::1", 8)})};
  });
  errno = 0;
  ASSERT_EQ(by_name4("www.example"), NSS_STATUS_SUCCESS);
  EXPECT_EQ(errno, 0);
  EXPECT_EQ(numbers(), numbers(kUntouched, NETDB_SUCCESS));
  EXPECT_EQ(ttl_s_, 8);
  EXPECT_STREQ(tuples_->name, "web.example");
  EXPECT_EQ(text_of(tuples_->family, tuples_->addr), "2001:db8::1");
  EXPECT_EQ(text_of(tuples_->next->family, tuples_->next->addr), "192.0.2.1");
  EXPECT_EQ(tuples_->next->next, nullptr);
  EXPECT_EQ(fake_.calls(), 1);
}

TEST_F(Entry, ByName3FillsHostCanonicalNameAndTtl) {
  fake_.answer(VS_DNS_FOUND, "web.example", {address("2001:db8::1", 30)});
  ASSERT_EQ(by_name3("www.example", AF_INET6), NSS_STATUS_SUCCESS);
  EXPECT_STREQ(host_.h_name, "web.example");
  EXPECT_STREQ(host_.h_aliases[0], "www.example");
  EXPECT_STREQ(canonical_, "web.example");
  EXPECT_EQ(ttl_s_, 30);
  EXPECT_EQ(host_.h_addrtype, AF_INET6);
  EXPECT_EQ(text_of(AF_INET6, host_.h_addr_list[0]), "2001:db8::1");
}

TEST_F(Entry, ByName2AndByNameNeedNeitherTtlNorCanonicalName) {
  fake_.answer(VS_DNS_FOUND, "web.example", {address("192.0.2.1")});
  ASSERT_EQ(_nss_vservice_gethostbyname2_r("web.example", AF_INET, &host_, buffer_.data(),
                                           buffer_.size(), &errno_, &h_errno_),
            NSS_STATUS_SUCCESS);
  host_ = {};
  ASSERT_EQ(_nss_vservice_gethostbyname_r("web.example", &host_, buffer_.data(), buffer_.size(),
                                          &errno_, &h_errno_),
            NSS_STATUS_SUCCESS);
  EXPECT_EQ(text_of(host_.h_addrtype, host_.h_addr_list[0]), "192.0.2.1");
}

TEST_F(Entry, ByAddressGivesTheNames) {
  fake_.on_resolve([](const Asked& asked) {
    EXPECT_EQ(asked.family, AF_INET);
    EXPECT_EQ(text_of(AF_INET, asked.address.data()), "192.0.2.1");
    return Reply{
        .answer = std::make_unique<Answer>(VS_DNS_FOUND, "", std::vector<vs_dns_result_address>{},
                                           std::vector<std::string>{"web.example", "www.example"})};
  });
  ASSERT_EQ(by_address("192.0.2.1", AF_INET, 4), NSS_STATUS_SUCCESS);
  EXPECT_STREQ(host_.h_name, "web.example");
  EXPECT_STREQ(host_.h_aliases[0], "www.example");
  EXPECT_EQ(host_.h_aliases[1], nullptr);
  EXPECT_EQ(ttl_s_, -1);
}

TEST_F(Entry, ByAddressTreatsMappedIpv4AsIpv4) {
  fake_.on_resolve([](const Asked& asked) {
    EXPECT_EQ(asked.family, AF_INET);
    EXPECT_EQ(text_of(AF_INET, asked.address.data()), "192.0.2.1");
    return Reply{.answer = std::make_unique<Answer>(VS_DNS_FOUND, "",
                                                    std::vector<vs_dns_result_address>{},
                                                    std::vector<std::string>{"web.example"})};
  });
  ASSERT_EQ(by_address("::ffff:192.0.2.1", AF_INET6, 16), NSS_STATUS_SUCCESS);
  EXPECT_EQ(host_.h_addrtype, AF_INET);
  EXPECT_EQ(host_.h_length, 4);
  EXPECT_EQ(text_of(AF_INET, host_.h_addr_list[0]), "192.0.2.1");
}

TEST_F(Entry, OtherFamiliesAndLengthsAreRefusedWithoutAsking) {
  EXPECT_EQ(by_name3("web.example", AF_UNIX), NSS_STATUS_UNAVAIL);
  EXPECT_EQ(numbers(), numbers(EAFNOSUPPORT, NO_RECOVERY));
  EXPECT_EQ(by_name3("web.example", AF_UNSPEC), NSS_STATUS_UNAVAIL);
  EXPECT_EQ(by_address("192.0.2.1", AF_UNIX, 4), NSS_STATUS_UNAVAIL);
  EXPECT_EQ(numbers(), numbers(EAFNOSUPPORT, NO_RECOVERY));
  EXPECT_EQ(by_address("192.0.2.1", AF_INET, 3), NSS_STATUS_UNAVAIL);
  EXPECT_EQ(numbers(), numbers(EINVAL, NO_RECOVERY));
  EXPECT_EQ(fake_.opens(), 0);
}

TEST_F(Entry, NamesThatCannotExistAreNotFoundWithoutAsking) {
  const std::string label64(64, 'a');
  const std::string name254 = std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                              std::string(63, 'a') + "." + std::string(62, 'a');
  for (const std::string& name : {std::string(), std::string("."), label64 + ".example", name254}) {
    h_errno_ = kUntouched;
    EXPECT_EQ(by_name4(name.c_str()), NSS_STATUS_NOTFOUND) << name;
    EXPECT_EQ(numbers(), numbers(kUntouched, HOST_NOT_FOUND)) << name;
    EXPECT_EQ(by_name3(name.c_str(), AF_INET), NSS_STATUS_NOTFOUND) << name;
  }
  EXPECT_EQ(fake_.opens(), 0);
}

TEST_F(Entry, NegativeAnswersAreNotFoundAndKeepErrno) {
  errno = kUntouched;
  fake_.answer(VS_DNS_NO_NAME, "", {});
  EXPECT_EQ(by_name4("no.example"), NSS_STATUS_NOTFOUND);
  EXPECT_EQ(numbers(), numbers(kUntouched, HOST_NOT_FOUND));
  fake_.answer(VS_DNS_NO_DATA, "", {});
  EXPECT_EQ(by_name3("v4only.example", AF_INET6), NSS_STATUS_NOTFOUND);
  EXPECT_EQ(numbers(), numbers(kUntouched, NO_DATA));
  EXPECT_EQ(errno, kUntouched);
}

TEST_F(Entry, SilentNameserversAreTryAgain) {
  fake_.answer(VS_DNS_TRY_AGAIN, "", {});
  EXPECT_EQ(by_name4("slow.example"), NSS_STATUS_TRYAGAIN);
  EXPECT_EQ(numbers(), numbers(EAGAIN, TRY_AGAIN));
  for (const int error : {-EAGAIN, -ETIMEDOUT}) {
    errno_ = h_errno_ = kUntouched;
    fake_.fail(error);
    EXPECT_EQ(by_name3("slow.example", AF_INET), NSS_STATUS_TRYAGAIN);
    EXPECT_EQ(numbers(), numbers(EAGAIN, TRY_AGAIN));
  }
}

TEST_F(Entry, DeviceThatIsAbsentDeniedOrUnreachableIsUnavailable) {
  const struct {
    int open, expected;
  } cases[] = {{-ENODEV, ENODEV},
               {-EACCES, EACCES},
               {-ECONNREFUSED, ECONNREFUSED},
               {-ETIMEDOUT, ECONNREFUSED}};
  for (const auto& [open, expected] : cases) {
    const int error = open;
    fake_.on_open([error](int) { return error; });
    EXPECT_EQ(by_name4("web.example"), NSS_STATUS_UNAVAIL);
    EXPECT_EQ(numbers(), numbers(expected, NO_RECOVERY));
    EXPECT_EQ(by_address("192.0.2.1", AF_INET, 4), NSS_STATUS_UNAVAIL);
  }
}

TEST_F(Entry, AsksAgainOnANewDeviceWhenTheOldOneBroke) {
  for (const int error : {-ESTALE, -EPROTO}) {
    fake_.reset();
    fake_.on_resolve([error](const Asked& asked) {
      if (asked.device == 1) return Reply{.error = error};
      return Reply{.answer = std::make_unique<Answer>(VS_DNS_FOUND, "web.example",
                                                      std::vector{address("192.0.2.1")})};
    });
    EXPECT_EQ(by_name4("web.example"), NSS_STATUS_SUCCESS);
    EXPECT_EQ(fake_.opens(), 2);
    EXPECT_EQ(fake_.calls(), 2);
  }
}

TEST_F(Entry, GivesUpOnABackendThatBreaksEveryDevice) {
  fake_.fail(-EPROTO);
  EXPECT_EQ(by_name4("web.example"), NSS_STATUS_UNAVAIL);
  EXPECT_EQ(numbers(), numbers(EPROTO, NO_RECOVERY));
  EXPECT_EQ(fake_.calls(), VS_NSS_ATTEMPTS_MAX);
}

// As glibc does it: twice the buffer until the answer fits, and one request for all of it.
TEST_F(Entry, ThousandAddressesAreAskedForOnceHoweverOftenTheBufferGrows) {
  fake_.answer(VS_DNS_FOUND, "many.example", Answer::many(1000));
  int rounds = 0;
  nss_status status = by_name4("many.example");
  while (status == NSS_STATUS_TRYAGAIN && errno_ == ERANGE && h_errno_ == NETDB_INTERNAL) {
    ++rounds;
    buffer_.assign(buffer_.size() * 2, 0);
    status = by_name4("many.example");
  }
  ASSERT_EQ(status, NSS_STATUS_SUCCESS);
  EXPECT_EQ(rounds, 6);
  EXPECT_EQ(fake_.calls(), 1);
  std::size_t count = 0;
  for (const gaih_addrtuple* tuple = tuples_; tuple != nullptr; tuple = tuple->next) ++count;
  EXPECT_EQ(count, 1000U);
}

TEST_F(Entry, AnswerThatDidNotFitIsNotGivenToAnotherQuestion) {
  fake_.on_resolve([](const Asked& asked) {
    const std::size_t count = asked.name == "many.example" ? 1000 : 1;
    return Reply{.answer = std::make_unique<Answer>(VS_DNS_FOUND, asked.name, Answer::many(count))};
  });
  ASSERT_EQ(by_name4("many.example"), NSS_STATUS_TRYAGAIN);
  buffer_.assign(65536, 0);
  ASSERT_EQ(by_name4("one.example"), NSS_STATUS_SUCCESS);
  EXPECT_EQ(tuples_->next, nullptr);
  ASSERT_EQ(by_name4("many.example"), NSS_STATUS_SUCCESS);
  EXPECT_EQ(fake_.calls(), 3);
}

TEST_F(Entry, HoldsBackSignalsThatTellOfSomethingButNotThoseThatEndAProgram) {
  fake_.on_resolve([](const Asked&) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_TRUE(sigismember(&blocked, SIGCHLD));
    EXPECT_TRUE(sigismember(&blocked, SIGALRM));
    EXPECT_FALSE(sigismember(&blocked, SIGINT));
    EXPECT_FALSE(sigismember(&blocked, SIGTERM));
    return Reply{.error = -EAGAIN};
  });
  EXPECT_EQ(by_name4("web.example"), NSS_STATUS_TRYAGAIN);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_FALSE(sigismember(&after, SIGCHLD));
}

}  // namespace
