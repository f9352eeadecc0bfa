#include "dataplane/guest/nss/name.h"

#include <string>

#include <gtest/gtest.h>

namespace {

std::string repeat(std::size_t count, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

const std::string kLabel63(63, 'a');

TEST(Name, OfUsualFormIsAskable) {
  for (const char* name : {"a", "example.com", "example.com.", "_sip._tcp.example",
                           "xn--bcher-kva.example", "a b.example"}) {
    EXPECT_TRUE(vs_nss_name_askable(name)) << name;
  }
}

TEST(Name, WithoutTextOrWithEmptyLabelIsNotAskable) {
  for (const char* name : {"", ".", "..", ".example", "a..b", "example.."}) {
    EXPECT_FALSE(vs_nss_name_askable(name)) << name;
  }
}

TEST(Name, LabelsEndAt63Bytes) {
  EXPECT_TRUE(vs_nss_name_askable((kLabel63 + ".example").c_str()));
  EXPECT_TRUE(vs_nss_name_askable(("example." + kLabel63).c_str()));
  EXPECT_FALSE(vs_nss_name_askable((kLabel63 + "a.example").c_str()));
  EXPECT_FALSE(vs_nss_name_askable(("example." + kLabel63 + "a").c_str()));
}

TEST(Name, EndsAt253BytesNotCountingAFinalDot) {
  const std::string name253 = repeat(3, kLabel63 + ".") + std::string(61, 'b');
  ASSERT_EQ(name253.size(), 253U);
  EXPECT_TRUE(vs_nss_name_askable(name253.c_str()));
  EXPECT_TRUE(vs_nss_name_askable((name253 + ".").c_str()));
  EXPECT_FALSE(vs_nss_name_askable((name253 + "b").c_str()));
}

TEST(Name, IsPresentableOnlyAsAHostName) {
  for (const char* name :
       {"a", "Web-1.example.com", "under_score.example", "example.com.", "3com.example"}) {
    EXPECT_TRUE(vs_nss_name_presentable(name)) << name;
  }
  for (const char* name :
       {"", "-rf.example", "a b.example", "a;b.example", "$(id).example", "a\n.example",
        "b\xc3\xbc.example", "a/b.example", "..", "a\\.b.example"}) {
    EXPECT_FALSE(vs_nss_name_presentable(name)) << name;
  }
}

TEST(Name, ComparesWithoutCaseAndFinalDot) {
  EXPECT_TRUE(vs_nss_name_equal("Web.Example", "web.example."));
  EXPECT_TRUE(vs_nss_name_equal("a.", "A"));
  EXPECT_FALSE(vs_nss_name_equal("web.example", "web.example.com"));
  EXPECT_FALSE(vs_nss_name_equal("web1.example", "web2.example"));
  EXPECT_FALSE(
      vs_nss_name_equal("a@.example", "a`.example"));  // differ by the case bit, but are no letters
}

}  // namespace
