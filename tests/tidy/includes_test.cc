// Who may include what: the architecture as a table, and every #include held against it.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace vs {
namespace {

namespace fs = std::filesystem;

// Folder -> folders whose headers it may use, beside its own. The longest folder that fits a file is its folder.
const std::map<std::string, std::set<std::string>> kMayInclude{
    {"base", {}},
    {"dataplane/abi", {}},
    {"dataplane/ring", {"base", "dataplane/abi"}},
    {"dataplane/filter", {"base"}},
    {"dataplane/transport", {"base", "dataplane/abi", "dataplane/ring"}},
    {"dataplane/services", {"base", "dataplane/abi", "dataplane/filter"}},  // service.h; and see kSiblings
    {"dataplane/control", {"base"}},
    {"dataplane/backend",
     {"base", "dataplane/abi", "dataplane/ring", "dataplane/transport", "dataplane/services", "dataplane/control",
      "dataplane/filter",    // content classes are expressions over requests
      "dataplane/files"}},  // main.cc joins
    {"dataplane/client", {"dataplane/abi"}},
    // Service files stand in for guests, on the node: a frontend, and a backend that vsmgrd commands.
    {"dataplane/files",
     {"base", "dataplane/abi", "dataplane/client", "dataplane/transport", "dataplane/control", "dataplane/backend"}},
    {"dataplane/guest", {"dataplane/client", "dataplane/abi"}},
    {"vsmgrd/config", {"base"}},
    {"vsmgrd/model", {"base", "dataplane/filter"}},  // what a policy says of channels is judged as the backend will
    {"vsmgrd/policy", {"base", "vsmgrd/model"}},
    {"vsmgrd/store", {"base", "vsmgrd/model"}},
    {"vsmgrd/sla", {"base", "vsmgrd/model", "vsmgrd/store"}},
    {"vsmgrd/hypervisor", {"base", "vsmgrd/model"}},
    {"vsmgrd/placement", {"base", "vsmgrd/model"}},
    {"vsmgrd/backends", {"base", "vsmgrd/model", "dataplane/control"}},
    {"vsmgrd/migration", {"base"}},  // pure: the same in vsmgrd and in its simulation
    {"vsmgrd/handoffs", {"base", "vsmgrd/model", "vsmgrd/migration", "vsmgrd/store", "vsmgrd/backends", "vsmgrd/reconciler"}},
    {"vsmgrd/reconciler", {"base", "vsmgrd/model", "vsmgrd/store", "vsmgrd/hypervisor", "vsmgrd/placement", "vsmgrd/backends"}},
    {"vsmgrd/api", {"base", "vsmgrd/migration", "vsmgrd/model", "vsmgrd/policy", "vsmgrd/store"}},
    {"vsmgrd/metrics", {"base"}},
    {"vsmgrd/lifecycle", {"base", "vsmgrd/config", "vsmgrd/store"}},
    {"vsmgrd", {"base", "vsmgrd"}},  // main.cc joins everything
    {"vsctl", {"base", "vsctl"}},
};

// Folders whose children never see each other.
const std::vector<std::string> kSiblings{"dataplane/services", "dataplane/transport", "dataplane/guest"};

// Third-party headers with one owner. Prefix of what stands between the brackets -> folder. Xenstore has two: libxl has no event
// for a domain that comes or is renamed, so the hypervisor's adapter watches for itself.
const std::vector<std::pair<std::string, std::string>> kOwners{
    {"sqlite3", "vsmgrd/store"},      {"yaml-cpp/", "vsmgrd/policy"}, {"libxl", "vsmgrd/hypervisor"},
    {"cpprest/", "vsmgrd/api"},       {"pplx/", "vsmgrd/api"},        {"boost/", "vsmgrd/api"},
    {"curl/", "vsctl/client"},        {"prometheus/", "vsmgrd/metrics"}, {"ares", "dataplane/services/dns"},
    {"re2/", "dataplane/filter"},     {"nats/", "dataplane/services/pubsub/nats"},
    {"mosquitto", "dataplane/services/pubsub/mqtt"},
    {"xengnttab", "dataplane/transport/xen"}, {"xenevtchn", "dataplane/transport/xen"},
    {"xenstore", "dataplane/transport/xen"},  {"valijson/", "tests"}, {"gtest/", "tests"}, {"gmock/", "tests"},
};

bool inside(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

std::string folder_of(const std::string& path) {
  std::string best;
  for (const auto& [folder, may] : kMayInclude)
    if (inside(path, folder) && folder.size() > best.size()) best = folder;
  return best;
}

struct Include {
  std::string file;
  int line;
  std::string header;
  bool ours;
};

std::vector<Include> includes_of(const fs::path& root, const std::string& folder) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> includes;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cc" && extension != ".c") continue;
    std::ifstream file(entry.path());
    std::string text;
    for (int line = 1; std::getline(file, text); ++line) {
      std::smatch match;
      if (std::regex_search(text, match, kInclude))
        includes.push_back({fs::relative(entry.path(), root), line, match[2], match[1] == "\""});
    }
  }
  return includes;
}

std::string verdict(const Include& include) {
  const std::string from = folder_of(include.file);
  const std::string to = folder_of(include.header);
  if (to.empty()) return "is not a path from the root";
  for (const std::string& parent : kSiblings) {
    const auto child = [&](const std::string& path) {
      const std::string rest = path.substr(parent.size() + 1);
      return rest.find('/') == std::string::npos ? std::string() : rest.substr(0, rest.find('/'));
    };
    if (inside(include.file, parent) && inside(include.header, parent) && !child(include.header).empty() &&
        child(include.file) != child(include.header))
      return "crosses from one child of " + parent + " to another";
  }
  if (inside(include.header, from)) return "";
  for (const std::string& allowed : kMayInclude.at(from))
    if (inside(include.header, allowed)) return "";
  return from + " may not include " + to;
}

TEST(Includes, FollowTheArrowsOfTheDesign) {
  const fs::path root = VS_SOURCE_DIR;
  std::size_t seen = 0;
  for (const char* folder : {"base", "dataplane", "vsmgrd", "vsctl"}) {
    for (const Include& include : includes_of(root, folder)) {
      if (!include.ours) continue;
      ++seen;
      const std::string wrong = verdict(include);
      EXPECT_TRUE(wrong.empty()) << include.file << ":" << include.line << ": \"" << include.header << "\" " << wrong;
    }
  }
  EXPECT_GT(seen, 200u);
}

TEST(Includes, KeepEachLibraryWithItsOwner) {
  const fs::path root = VS_SOURCE_DIR;
  for (const char* folder : {"base", "dataplane", "vsmgrd", "vsctl"})
    for (const Include& include : includes_of(root, folder)) {
      if (include.ours) continue;
      for (const auto& [prefix, owner] : kOwners)
        EXPECT_FALSE(include.header.starts_with(prefix) && !inside(include.file, owner) &&
                     !(prefix == "xenstore" && inside(include.file, "vsmgrd/hypervisor")))
            << include.file << ":" << include.line << ": <" << include.header << "> belongs to " << owner;
    }
}

TEST(Includes, OfTheAbiAndTheClientNeedNoCpp) {
  const fs::path root = VS_SOURCE_DIR;
  for (const char* folder : {"dataplane/abi", "dataplane/client", "dataplane/guest"})
    for (const Include& include : includes_of(root, folder))
      EXPECT_TRUE(include.header.ends_with(".h")) << include.file << ":" << include.line << ": <" << include.header << ">";
}

}  // namespace
}  // namespace vs
