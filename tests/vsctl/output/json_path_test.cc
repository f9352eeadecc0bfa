#include "vsctl/output/json_path.h"

#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "vsctl/output/json_view.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

const json kDocument = json::parse(R"({
  "metadata": {"name": "web1", "labels": {"team": "web", "a.b/c": "dotted"}, "generation": 7},
  "status": {"conditions": [{"type": "Allowed", "status": "True"}, {"type": "Ready", "status": "False"}],
             "live": null, "evil": "a\u001b[2Jb"}
})");

std::string taken(const std::string& text) {
  const auto path = JsonPath::parse(text);
  return path ? path->apply(kDocument) : "error: " + path.error().message;
}

TEST(JsonPath, TakesMembersAndElements) {
  EXPECT_EQ(taken("{.metadata.name}"), "web1");
  EXPECT_EQ(taken("{$.metadata.generation}"), "7");
  EXPECT_EQ(taken("{.status.conditions[0].type}"), "Allowed");
  EXPECT_EQ(taken("{.status.conditions[-1].type}"), "Ready");
  EXPECT_EQ(taken("{.metadata.labels['a.b/c']}"), "dotted");
  EXPECT_EQ(taken("{.metadata['labels'][\"team\"]}"), "web");
}

TEST(JsonPath, JoinsSeveralValuesBySpaces) {
  EXPECT_EQ(taken("{.status.conditions[*].type}"), "Allowed Ready");
  EXPECT_EQ(taken("{.status.conditions[*]['status']}"), "True False");
  EXPECT_EQ(taken("{.metadata.labels[*]}"), "dotted web");
}

TEST(JsonPath, KeepsTheTextBetween) {
  EXPECT_EQ(taken("{.metadata.name}={.metadata.labels.team}!"), "web1=web!");
  EXPECT_EQ(taken("{.metadata.name}{\"\\n\"}{'it\\'s'}"), "web1\nit's");
}

TEST(JsonPath, WritesNothingForWhatIsNotThere) {
  for (const char* text : {"{.nothing}", "{.metadata.name.more}", "{.status.conditions[2]}", "{.status.conditions[-3]}",
                           "{.status.conditions.type}", "{.metadata[0]}", "{.status.live}", "{.metadata.name[*]}"})
    EXPECT_EQ(taken(text), "") << text;
}

TEST(JsonPath, WritesObjectsAsJsonAndNoControlCharacters) {
  EXPECT_EQ(taken("{.status.conditions[0]}"), R"({"status":"True","type":"Allowed"})");
  EXPECT_EQ(taken("{.}"), kDocument.dump());
  EXPECT_EQ(taken("{}"), kDocument.dump());
  EXPECT_EQ(taken("{.status.evil}"), "a\\x1b[2Jb");
}

TEST(JsonPath, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(taken(""), "error: it is empty; a path is wanted, such as {.metadata.name}");
  EXPECT_EQ(taken("{.metadata"), "error: at character 11: a path is wanted, such as {.metadata.name}");
  EXPECT_EQ(taken("{metadata}"), "error: at character 2: a path is wanted, such as {.metadata.name}");
  EXPECT_EQ(taken("{.a..b}"), "error: at character 5: a member's name is wanted");
  EXPECT_EQ(taken("{.a[x]}"), "error: at character 5: a number, * or a name in quotes is wanted");
  EXPECT_EQ(taken("{.a[0}"), "error: at character 6: a ] is wanted");
  EXPECT_EQ(taken("{.a['b]}"), "error: at character 9: the quote is not closed");
  EXPECT_EQ(taken("{\"a\" .b}"), "error: at character 5: a } is wanted");
  EXPECT_EQ(taken("{.items[?(@.a)]}"), "error: at character 9: a number, * or a name in quotes is wanted");
  EXPECT_EQ(taken(std::string(kJsonPathBytesMax + 1, 'x')), "error: it has more than 4096 bytes");
}

TEST(JsonView, TakesALineOfEachDocumentWhenItIsFlushed) {
  std::ostringstream out;
  JsonView view(*JsonPath::parse("{.a}"), out);
  std::ostream stream(&view);
  stream << "{\"a\": 1}\n";
  EXPECT_EQ(out.str(), "");
  stream << std::flush;
  EXPECT_EQ(out.str(), "1\n");
  stream << "{\"a\": 2}\n{\n  \"a\": [3]\n}\n" << std::flush;
  EXPECT_EQ(out.str(), "1\n2\n[3]\n");
  stream << "no JSON\n" << std::flush;
  EXPECT_EQ(out.str(), "1\n2\n[3]\nno JSON\n");
}

TEST(JsonView, FailsWhenItsEndDoes) {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  JsonView view(*JsonPath::parse("{.a}"), out);
  std::ostream stream(&view);
  stream << "{}" << std::flush;
  EXPECT_FALSE(stream);
}

}  // namespace
}  // namespace vs::ctl
