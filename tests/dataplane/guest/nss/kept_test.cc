#include "dataplane/guest/nss/kept.h"

#include <sys/socket.h>

#include <thread>

#include <gtest/gtest.h>

#include "tests/dataplane/guest/nss/fake_client.h"

namespace {

using vs::test::FakeClient;

constexpr std::int64_t kNow = 5000;

class Kept : public testing::Test {
 protected:
  void SetUp() override {
    FakeClient::get().reset();
    FakeClient::get().answer(VS_DNS_FOUND, "web.example", {vs::test::address("192.0.2.1")});
    ASSERT_EQ(vs_open("dns", "dns", 0, &device_), 0);
  }
  void TearDown() override {
    vs_close(device_);
    vs_dns_free(vs_nss_kept_take(&question_, 1, kNow));  // throws away what a test left
    EXPECT_EQ(FakeClient::get().answers_alive(), 0);
  }
  vs_dns_result_set* new_answer() {
    vs_dns_result_set* answer = nullptr;
    EXPECT_EQ(vs_dns_resolve(device_, "web.example", AF_INET, 1000, &answer), 0);
    return answer;
  }

  const vs_nss_question question_{
      .subject = VS_NSS_OF_NAME, .family = AF_INET, .name = "web.example"};
  vs_device* device_ = nullptr;
};

TEST_F(Kept, AnswerIsHandedToTheRepetitionOnce) {
  vs_dns_result_set* const answer = new_answer();
  vs_nss_kept_put(&question_, 100, kNow, answer);
  const std::string same_text = "web.example";  // another pointer, the same question
  const vs_nss_question repeated{
      .subject = VS_NSS_OF_NAME, .family = AF_INET, .name = same_text.c_str()};
  EXPECT_EQ(vs_nss_kept_take(&repeated, 200, kNow + 1), answer);
  EXPECT_EQ(vs_nss_kept_take(&repeated, 200, kNow + 1), nullptr);
  vs_dns_free(answer);
}

TEST_F(Kept, AnswerIsOnlyForALargerBufferTheSameQuestionAndASecond) {
  const vs_nss_question other_name{
      .subject = VS_NSS_OF_NAME, .family = AF_INET, .name = "ftp.example"};
  const vs_nss_question other_family{
      .subject = VS_NSS_OF_NAME, .family = AF_INET6, .name = "web.example"};
  const vs_nss_question other_subject{.subject = VS_NSS_OF_ADDRESS, .family = AF_INET};
  const struct {
    const vs_nss_question& question;
    std::size_t bytes;
    std::int64_t now_ms;
  } refused[] = {{question_, 100, kNow},
                 {question_, 200, kNow + VS_NSS_KEPT_MS + 1},
                 {other_name, 200, kNow},
                 {other_family, 200, kNow},
                 {other_subject, 200, kNow}};
  for (const auto& [question, bytes, now_ms] : refused) {
    vs_nss_kept_put(&question_, 100, kNow, new_answer());
    EXPECT_EQ(vs_nss_kept_take(&question, bytes, now_ms), nullptr);
    EXPECT_EQ(FakeClient::get().answers_alive(), 0);
  }
}

TEST_F(Kept, AddressesAreComparedByTheirBytes) {
  const vs_nss_question one{
      .subject = VS_NSS_OF_ADDRESS, .family = AF_INET, .address = {192, 0, 2, 1}};
  const vs_nss_question other{
      .subject = VS_NSS_OF_ADDRESS, .family = AF_INET, .address = {192, 0, 2, 2}};
  vs_dns_result_set* const answer = new_answer();
  vs_nss_kept_put(&one, 100, kNow, answer);
  EXPECT_EQ(vs_nss_kept_take(&one, 101, kNow), answer);
  vs_nss_kept_put(&one, 100, kNow, answer);
  EXPECT_EQ(vs_nss_kept_take(&other, 101, kNow), nullptr);
}

TEST_F(Kept, NewAnswerReplacesTheOld) {
  vs_nss_kept_put(&question_, 100, kNow, new_answer());
  vs_dns_result_set* const newer = new_answer();
  vs_nss_kept_put(&question_, 200, kNow, newer);
  EXPECT_EQ(FakeClient::get().answers_alive(), 1);
  EXPECT_EQ(vs_nss_kept_take(&question_, 300, kNow), newer);
  vs_dns_free(newer);
}

TEST_F(Kept, ThreadsDoNotSeeEachOthersAndLeaveNothingBehind) {
  vs_dns_result_set* const answer = new_answer();
  vs_nss_kept_put(&question_, 100, kNow, answer);
  std::thread other([this] {
    EXPECT_EQ(vs_nss_kept_take(&question_, 200, kNow), nullptr);
    vs_nss_kept_put(&question_, 100, kNow, new_answer());
  });
  other.join();
  EXPECT_EQ(FakeClient::get().answers_alive(), 1);
  EXPECT_EQ(vs_nss_kept_take(&question_, 200, kNow), answer);
  vs_dns_free(answer);
}

}  // namespace
