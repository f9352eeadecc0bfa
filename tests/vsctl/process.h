// Programs as a test runs them: started with pipes, read to the end, waited for.
//
// Owned by one thread. Nothing waits for a time; whoever hangs is ended by ctest's limit.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace vs::ctl::test {

struct Finished {
  int exit = -1;  // 128 + signal when one ended it
  std::string out;
  std::string err;
};

class Process {
 public:
  // `environment` ("K=V") comes on top of the test's own. The program leads a process group of its
  // own.
  explicit Process(const std::vector<std::string>& command,
                   const std::vector<std::string>& environment = {},
                   const std::string& directory = "");
  ~Process();  // kills it when nobody waited
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void write(const std::string& text);
  void close_input() { in_.reset(); }
  // Reads standard output up to and with the next line feed; what there is at its end.
  std::string read_line();
  // Reads standard output and error to their ends, and waits.
  Finished finish();
  // Reads standard output to its end without waiting for the program.
  std::string read_to_end();

 private:
  pid_t pid_ = -1;
  UniqueFd in_;
  UniqueFd out_;
  UniqueFd err_;
};

// Runs a program with `input` on its standard input.
Finished run_process(const std::vector<std::string>& command, const std::string& input = "",
                     const std::vector<std::string>& environment = {},
                     const std::string& directory = "");

}  // namespace vs::ctl::test
