// A stream's buffer that takes JSON documents and passes on what a path takes of each, a line each.
//
// A document is passed on when the stream is flushed after it; what is no JSON is passed on as it is.
// Owned by one thread.
#pragma once

#include <ostream>
#include <sstream>

#include "vsctl/output/json_path.h"

namespace vs::ctl {

class JsonView : public std::stringbuf {
 public:
  // `out` must outlive it.
  JsonView(JsonPath path, std::ostream& out) : path_(std::move(path)), out_(out) {}

 protected:
  int sync() override;

 private:
  JsonPath path_;
  std::ostream& out_;
};

}  // namespace vs::ctl
