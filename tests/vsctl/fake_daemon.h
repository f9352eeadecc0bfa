// A daemon that says what the test tells it to, over HTTP on a unix socket; and remembers what it
// was asked.
//
// Runs threads of its own, one a connection; thread-safe.
#pragma once

#include <map>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/guarded.h"
#include "base/unique_fd.h"

namespace vs::ctl::test {

struct Answer {
  int status = 200;
  std::string body = "{}";
  std::string content_type = "application/json";
  std::string etag;
};

struct Asked {
  std::string line;     // "GET /v1/domains"
  std::string headers;  // as they came
  std::string body;
};

class FakeDaemon {
 public:
  explicit FakeDaemon(std::string socket_path);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  // The next answer to `line`. Several for one line are given in turn, and the last again and
  // again.
  void answers(const std::string& line, Answer answer);
  void answers(const std::string& line, const nlohmann::json& body, const std::string& etag = "");
  void refuses(const std::string& line, int status, const nlohmann::json& problem);
  // `line` is read and never answered.
  void keeps_silent_on(const std::string& line);

  [[nodiscard]] std::vector<Asked> asked() const;
  [[nodiscard]] std::vector<std::string> lines() const;
  [[nodiscard]] const std::string& socket_path() const { return socket_path_; }

 private:
  struct Script {
    std::vector<Answer> answers;
    std::size_t given = 0;
  };
  struct Memory {
    std::map<std::string, Script> scripts;
    std::vector<Asked> asked;
  };

  void serve();
  void talk(int connection);
  Answer answer_to(const Asked& request);

  std::string socket_path_;
  UniqueFd listener_;
  UniqueFd stop_read_;
  UniqueFd stop_write_;
  Guarded<Memory> memory_;
  std::thread thread_;
};

}  // namespace vs::ctl::test
