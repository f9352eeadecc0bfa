// A response body that goes on until one side ends it: text goes in at one end and out at the
// other, a bounded amount in between.
//
// Who makes the text holds it weakly: when the last one who would send it lets go, it is gone.
// Thread-safe. The callbacks run without a lock, on the thread that caused them; they must not
// block, and may come once more than there was cause.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/guarded.h"

namespace vs::http {

class Stream {
 public:
  using Callback = std::function<void()>;

  explicit Stream(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // For who makes the text. put() takes all of it or, without room for it, nothing; an empty stream
  // has room for anything.
  bool put(std::string_view text);
  void end();  // what is in it is still sent
  [[nodiscard]] bool over() const;  // ended, or closed by the reader
  // `callback` runs when there is room again, and when the reader closed. Set once.
  void on_room(Callback callback);

  // For who sends it. `callback` runs when there is text, and at the end. Set once.
  void on_text(Callback callback);
  std::string take();                // all there is
  [[nodiscard]] bool drained() const;  // ended, and all of it taken
  void close();                      // nobody reads it any more

 private:
  struct State {
    std::string text;
    bool ended = false;
    bool closed = false;
    bool full = false;  // a put() found no room since the last take()
    Callback on_room;
    Callback on_text;
  };
  const std::size_t bytes_max_;
  Guarded<State> state_;
};

}  // namespace vs::http
