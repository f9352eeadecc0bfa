#include "vsmgrd/api/stream.h"

#include <utility>

namespace vs::http {

bool Stream::put(std::string_view text) {
  Callback tell;
  const bool taken = state_.with([&](State& state) {
    if (state.ended || state.closed) return false;
    if (!state.text.empty() && state.text.size() + text.size() > bytes_max_) {
      state.full = true;
      return false;
    }
    if (state.text.empty()) tell = state.on_text;
    state.text += text;
    return true;
  });
  if (tell) tell();
  return taken;
}

void Stream::end() {
  Callback tell = state_.with([](State& state) {
    state.ended = true;
    return state.on_text;
  });
  if (tell) tell();
}

bool Stream::over() const {
  return state_.with([](const State& state) { return state.ended || state.closed; });
}

void Stream::on_room(Callback callback) {
  state_.with([&](State& state) { state.on_room = std::move(callback); });
}

void Stream::on_text(Callback callback) {
  state_.with([&](State& state) { state.on_text = std::move(callback); });
}

std::string Stream::take() {
  Callback tell;
  std::string text = state_.with([&](State& state) {
    if (std::exchange(state.full, false)) tell = state.on_room;
    return std::exchange(state.text, {});
  });
  if (tell) tell();
  return text;
}

bool Stream::drained() const {
  return state_.with([](const State& state) { return state.ended && state.text.empty(); });
}

void Stream::close() {
  Callback tell = state_.with([](State& state) {
    if (std::exchange(state.closed, true)) return Callback();
    state.text.clear();
    state.on_text = nullptr;  // it may hold the reader
    return std::exchange(state.on_room, nullptr);
  });
  if (tell) tell();
}

}  // namespace vs::http
