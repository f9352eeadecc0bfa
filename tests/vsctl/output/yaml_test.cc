#include "vsctl/output/yaml.h"

#include <cstdint>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "vsctl/output/format.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

// Everything that some reader of YAML 1.1 (yaml.org/type) or 1.2 (core schema) takes for something
// else than a string.
bool somebody_reads_no_string(const std::string& plain) {
  static const std::regex kOther(
      "~|null|Null|NULL||<<|=|"
      "y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|"
      "[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*("
      ":[0-5]?[0-9])+|"
      "[-+]?([0-9][0-9_]*)?\\.[0-9.]*([eE][-+]?[0-9]+)?|[-+]?[0-9]+([eE][-+]?[0-9]+)|"
      "[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.?(inf|Inf|INF)|\\.?(nan|NaN|NAN)|"
      "[0-9][0-9][0-9][0-9]-[0-9][0-9]?-[0-9][0-9]?.*");
  return std::regex_match(plain, kOther);
}

// What the text means to a reader: quoted is a string; plain is a number, a word of YAML, or a
// string if nobody can differ.
json read_back(const YAML::Node& node) {
  if (node.IsMap()) {
    json map = json::object();
    for (const auto& entry : node) {
      const json key = read_back(entry.first);
      EXPECT_TRUE(key.is_string()) << key;
      map[key.get<std::string>()] = read_back(entry.second);
    }
    return map;
  }
  if (node.IsSequence()) {
    json list = json::array();
    for (const auto& item : node) list.push_back(read_back(item));
    return list;
  }
  if (node.IsNull()) return nullptr;
  const std::string& text = node.Scalar();
  if (node.Tag() == "!" || !somebody_reads_no_string(text)) return text;
  if (text == "true" || text == "false") return text == "true";
  return json::parse(text);  // a number, written as JSON writes it
}

TEST(Yaml, LooksAsPeopleWriteIt) {
  const json document{
      {"apiVersion", "vservices/v1"},
      {"kind", "AccessPolicy"},
      {"metadata", {{"labels", json::object()}, {"name", "demo-dns"}, {"generation", 2}}},
      {"spec",
       {{"rules",
         {{{"id", "allow-web1"}, {"effect", "allow"}, {"match", {{"domains", {"web1", "web2"}}}}},
          {{"id", "yes"}, {"message", "No: never"}, {"match", json::object()}}}},
        {"empty", json::array()},
        {"nested", {{1, 2}, {"a", json::array({true, nullptr})}}}}}};
  EXPECT_EQ(to_yaml(document), R"(apiVersion: vservices/v1
kind: AccessPolicy
metadata:
  generation: 2
  labels: {}
  name: demo-dns
spec:
  empty: []
  nested:
    - - 1
      - 2
    - - a
      - - true
        - null
  rules:
    - effect: allow
      id: allow-web1
      match:
        domains:
          - web1
          - web2
    - id: "yes"
      match: {}
      message: "No: never"
)");
}

TEST(Yaml, KeepsEveryStringAString) {
  for (const char* text : {"",
                           " ",
                           "yes",
                           "No",
                           "ON",
                           "off",
                           "y",
                           "N",
                           "true",
                           "False",
                           "null",
                           "NULL",
                           "~",
                           "0",
                           "012",
                           "0o14",
                           "0x1f",
                           "1e3",
                           "1.5",
                           ".5",
                           "5.",
                           "-1",
                           "+1",
                           "1_000",
                           "190:20:30",
                           "1:30",
                           ".inf",
                           "-.INF",
                           ".nan",
                           "NaN",
                           "2001-12-14",
                           "<<",
                           "=",
                           "2001-12-14t21:59:43.10-05:00",
                           "- a",
                           "-",
                           "--- a",
                           "---",
                           "...",
                           "a: b",
                           "a:",
                           "a #b",
                           "#a",
                           "[a]",
                           "{a}",
                           "*a",
                           "&a",
                           "!a",
                           "|",
                           ">",
                           "%a",
                           "@a",
                           "`a",
                           "'a'",
                           "\"a\"",
                           "a\"b\\c",
                           "a\nb",
                           "a\tb",
                           " a",
                           "a ",
                           "? a",
                           ": a",
                           ", a",
                           "Größe",
                           "\xc2\x85",
                           "\xe2\x80\xa8",
                           "\xef\xbb\xbf",
                           "\x7f",
                           "\x01",
                           "\xf0\x9f\x98\x80",
                           "127.0.0.1:5300",
                           "[::1]:53",
                           "1m"}) {
    const json document{{text, {text, {{"k", text}}}}};
    const std::string yaml = to_yaml(document);
    EXPECT_EQ(read_back(YAML::Load(yaml)), document) << yaml;
  }
}

TEST(Yaml, KeepsEveryNumberANumber) {
  const json document{
      0,   -1, std::int64_t{INT64_MIN}, std::uint64_t{UINT64_MAX}, 1.5, -0.25, 1e20, 1e-7, 1e300,
      0.1, 3.0};
  EXPECT_EQ(read_back(YAML::Load(to_yaml(document))), document) << to_yaml(document);
  EXPECT_EQ(to_yaml(json(1e20)), "1.0e+20\n");  // YAML 1.1 reads "1e+20" as a string
}

TEST(Yaml, WritesScalarsAndEmptyCollectionsAlone) {
  EXPECT_EQ(to_yaml("web1"), "web1\n");
  EXPECT_EQ(to_yaml(nullptr), "null\n");
  EXPECT_EQ(to_yaml(json::object()), "{}\n");
  EXPECT_EQ(to_yaml(json::array()), "[]\n");
}

TEST(Yaml, WritesKeysThatAreTooLongForOneLine) {
  const json document{
      {"short", 1}, {std::string(2000, 'k'), {{"a", {1, 2}}}}, {std::string(2000, 'x'), "v"}};
  EXPECT_EQ(read_back(YAML::Load(to_yaml(document))), document);
}

// Documents of any shape, full of the characters that YAML gives a meaning.
class Documents {
 public:
  explicit Documents(std::uint32_t seed) : random_(seed) {}

  json next(int depth) {
    switch (below(depth > 0 ? 8 : 5)) {
      case 0: return nullptr;
      case 1: return below(2) == 0;
      case 2: return static_cast<std::int64_t>(below(2'000'000)) - 1'000'000;
      case 3: return static_cast<double>(below(1000)) / 64;
      case 4: return word();
      case 5: {
        json list = json::array();
        for (auto items = below(4); items > 0; --items) list.push_back(next(depth - 1));
        return list;
      }
      default: {
        json map = json::object();
        for (auto items = below(4); items > 0; --items) map[word()] = next(depth - 1);
        return map;
      }
    }
  }

 private:
  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
  }
  std::string word() {
    static const std::vector<std::string> kPieces{
        "a", "B", "0",  "1", ".",   ":",  " ",        "#",        "-", "\n", "\t", "\"",
        "'", "{", "}",  "[", "]",   ",",  "&",        "*",        "!", "|",  ">",  "%",
        "@", "`", "\\", "~", "yes", "no", "\xc3\xa4", "\xc2\x80", "?", "="};
    std::string text;
    for (auto pieces = below(6); pieces > 0; --pieces)
      text += kPieces[below(static_cast<std::uint32_t>(kPieces.size()))];
    return text;
  }

  std::mt19937 random_;
};

TEST(Yaml, MeansTheSameForAnyDocument) {
  Documents documents(20261122);
  for (int i = 0; i < 3000; ++i) {
    const json document = documents.next(4);
    const std::string yaml = to_yaml(document);
    ASSERT_EQ(read_back(YAML::Load(yaml)), document) << "document " << i << ": " << document << "\n"
                                                     << yaml;
  }
}

TEST(YamlStream, HoldsEveryDocument) {
  const std::vector<json> documents{{{"a", 1}}, {{"b", "---"}}, "..."};
  std::vector<json> read;
  for (const YAML::Node& node : YAML::LoadAll(render_yaml_stream(documents)))
    read.push_back(read_back(node));
  EXPECT_EQ(read, documents);
}

}  // namespace
}  // namespace vs::ctl
