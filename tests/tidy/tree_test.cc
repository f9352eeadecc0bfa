// What the tree must not hold: leftovers, sleeps in tests, files that became continents.
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace vs {
namespace {

namespace fs = std::filesystem;

template <class Visit>
void for_each_source(Visit visit) {
  for (const char* folder : {"base", "dataplane", "vsmgrd", "vsctl", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(VS_SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension();
      if (extension == ".h" || extension == ".cc" || extension == ".c") visit(entry.path());
    }
}

std::size_t lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::size_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

// A source whose lines must not match `forbidden`.
void expect_none(const fs::path& path, const std::regex& forbidden, const char* why) {
  std::ifstream file(path);
  std::string text;
  for (int line = 1; std::getline(file, text); ++line)
    EXPECT_FALSE(std::regex_search(text, forbidden)) << path.string() << ":" << line << ": " << why << ": " << text;
}

TEST(Tree, HoldsNoFileOverFourHundredLines) {
  for_each_source([](const fs::path& path) { EXPECT_LE(lines_of(path), 400u) << path; });
}

TEST(Tree, HoldsNoLeftovers) {
  // Spelled in parts, so that this file does not find itself.
  const std::regex leftovers("\\b(TO" "DO|FIX" "ME|XX" "X|HA" "CK)\\b|DIS" "ABLED_");
  for_each_source([&](const fs::path& path) { expect_none(path, leftovers, "a leftover"); });
}

TEST(Tree, HasNoTestThatSleepsToSynchronise) {
  const std::regex sleeps("sleep" "_for\\(|usleep" "\\(|[^a-z_:]sleep" "\\(");
  for_each_source([&](const fs::path& path) {
    if (path.string().find("/tests/") != std::string::npos) expect_none(path, sleeps, "a sleep");
  });
}

TEST(Tree, HasHeadersThatGuardThemselvesAndSayWhatTheyAre) {
  for_each_source([](const fs::path& path) {
    if (path.extension() != ".h") return;
    std::ifstream file(path);
    std::string first;
    std::getline(file, first);
    EXPECT_TRUE(first.starts_with("//") || first.starts_with("/*")) << path << ": no contract at its head";
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(all.find("#pragma once") != std::string::npos || all.find("#ifndef ") != std::string::npos) << path;
  });
}

}  // namespace
}  // namespace vs
