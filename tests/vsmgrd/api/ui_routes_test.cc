// The page at /ui, as far as it can be judged without a browser; tests/integration/ui_test.py has one.

#include "vsmgrd/api/ui.h"

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Ui : public RestFixture {
 protected:
  static std::string header(const Response& response, const std::string& name) {
    const auto found = std::find_if(response.headers.begin(), response.headers.end(), [&](const auto& one) { return one.first == name; });
    return found == response.headers.end() ? "" : found->second;
  }
  static std::set<std::string> matches(const std::string& text, const char* pattern) {
    std::set<std::string> found;
    const std::regex expression(pattern);
    for (std::sregex_iterator one(text.begin(), text.end(), expression); one != std::sregex_iterator(); ++one) found.insert((*one)[1]);
    return found;
  }
};

TEST_F(Ui, ServesThePageAndEachOfItsFiles) {
  const Response page = ask("GET", "/ui");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  for (const UiFile& file : ui_files()) {
    const Response served = ask("GET", "/ui/" + std::string(file.name));
    EXPECT_EQ(served.status, 200) << file.name;
    EXPECT_EQ(served.body, file.text) << file.name;
    EXPECT_EQ(header(served, "X-Content-Type-Options"), "nosniff");
  }
  EXPECT_EQ(ask("GET", "/ui/vsmgrd.db").status, 404);
  EXPECT_EQ(ask("POST", "/ui").status, 405);
}

TEST_F(Ui, LetsABrowserLoadNothingButThisDaemonsFiles) {
  const std::string policy = header(ask("GET", "/ui"), "Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, HasSubstr("require-trusted-types-for 'script'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(policy, Not(HasSubstr("http")));
  EXPECT_EQ(header(ask("GET", "/ui"), "Referrer-Policy"), "no-referrer");
}

TEST_F(Ui, RefersToFilesThatThereAreAndToNoOthers) {
  std::set<std::string> files;
  std::set<std::string> named;
  for (const UiFile& file : ui_files()) {
    const std::string text(file.text);
    files.insert(std::string(file.name));
    named.merge(matches(text, "(?:href|src)=\"ui/([^\"]+)\""));
    named.merge(matches(text, "from \"\\./([^\"]+)\""));
    // Namespaces name no address; nothing else may.
    EXPECT_EQ(matches(text, "(https?://[^\"']*)"), text.find("www.w3.org/2000/svg") != text.npos ? std::set<std::string>{"http://www.w3.org/2000/svg"}
                                                                                               : std::set<std::string>{})
        << file.name;
    for (const char* markup : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"})
      EXPECT_EQ(text.find(markup), text.npos) << file.name << " has " << markup;
  }
  named.insert(std::string(kUiPage));
  EXPECT_EQ(named, files);
}

TEST_F(Ui, HasNoScriptOrStyleInThePageItself) {
  const std::string page = ask("GET", "/ui").body;
  EXPECT_EQ(matches(page, "(<script[^>]*>[^<])"), std::set<std::string>{});
  EXPECT_EQ(matches(page, "(<style| style=| on[a-z]+=)"), std::set<std::string>{});
}

}  // namespace
}  // namespace vs::http
