// The real vsctl, a daemon that says what the test tells it to, and a directory for both.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/temporary_directory.h"
#include "tests/vsctl/documents.h"
#include "tests/vsctl/fake_daemon.h"
#include "tests/vsctl/process.h"

namespace vs::ctl::test {

// One that files are written into.
class TemporaryDirectory : public vs::test::TemporaryDirectory {
 public:
  [[nodiscard]] const std::string& path() const { return vs::test::TemporaryDirectory::path().native(); }
  // Writes a file in it and returns its path.
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path()) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file.native();
  }
};

class CliTest : public testing::Test {
 protected:
  Finished vsctl(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), {VS_VSCTL, "--socket", daemon_.socket_path()});
    return run_process(arguments, input);
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_{directory_.path() + "/vsmgrd.sock"};
};

}  // namespace vs::ctl::test
