// The file of a dns device: a name is written, its addresses are read, one a line; an address, its names.
//
// What is read is the answer to what was written last through the same open file; through one that nothing was written to, to what
// was written last through any. A name that does not exist has no lines; that the service could not answer is an error of read
// (ETIMEDOUT, ECONNREFUSED, EACCES ...). Reading begins where the first read after a write does, wherever that is: a program that
// writes and then reads on one descriptor need not seek.
// Owned by the loop's thread; devices are asked by the workers.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "dataplane/files/devices.h"
#include "dataplane/files/question.h"
#include "dataplane/files/tree.h"
#include "dataplane/files/workers.h"

namespace vs::files {

inline constexpr std::size_t kLookupsMax = 16;  // of one file, under way; more are refused (EAGAIN)

class DnsFile final : public File {
 public:
  // Workers and loop outlive it.
  DnsFile(std::string name, std::shared_ptr<Devices> devices, Workers& workers, EventLoop& loop);
  std::unique_ptr<OpenFile> open() override;

  // What became of a question, as its readers see it.
  struct Lookup {
    bool done = false;
    int error = 0;
    std::string lines;
    std::list<std::function<void()>> readers;  // that wait
  };

  // EAGAIN when too many are under way.
  tl::expected<std::shared_ptr<Lookup>, int> ask(Question question);
  [[nodiscard]] const std::shared_ptr<Lookup>& last() const { return last_; }

 private:
  std::shared_ptr<Devices> devices_;
  Workers& workers_;
  EventLoop& loop_;
  std::shared_ptr<Lookup> last_;
  std::shared_ptr<std::size_t> under_way_ = std::make_shared<std::size_t>(0);
};

}  // namespace vs::files
