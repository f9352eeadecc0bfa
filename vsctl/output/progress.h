// One line on a terminal that says how far something is; nothing at all where there is no terminal.
//
// Owned by one thread. Goes away when it is done with.
#pragma once

#include <ostream>
#include <string>

namespace vs::ctl {

class ProgressBar {
 public:
  // For standard error; `quiet`, or no terminal there: it shows nothing.
  ProgressBar(std::ostream& err, bool quiet);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `part` from 0 to 1; below 0: not known.
  void show(const std::string& what, double part);
  void clear();

  // "copying [#####-----] 50%". Pure.
  static std::string line(const std::string& what, double part);

 private:
  std::ostream& err_;
  bool shows_;
  bool shown_ = false;
};

}  // namespace vs::ctl
