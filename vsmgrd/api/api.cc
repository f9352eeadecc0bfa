#include "vsmgrd/api/api.h"

#include <utility>

#include "base/log.h"
#include "vsmgrd/api/listener.h"
#include "vsmgrd/api/routes.h"

namespace vs {

struct Api::Impl {
  Impl(const ApiOptions& options, Store& store, const Clock& clock, ApiHooks hooks)
      : counters(std::move(hooks.on_limit)),
        dispatcher(http::make_router(store, std::move(hooks.metrics_text), std::move(hooks.binding_live)), options.owner, clock,
                   std::move(hooks.on_request)) {}

  http::TransportCounters counters;
  const http::Dispatcher dispatcher;
  std::unique_ptr<http::Listener> listener;  // last: it stops before what it calls goes
};

Api::Api(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Api::~Api() = default;

Result<std::unique_ptr<Api>> Api::start(const ApiOptions& options, Store& store, const Clock& clock,
                                        ApiHooks hooks) {
  auto impl = std::make_unique<Impl>(options, store, clock, std::move(hooks));
  const auto handle = [dispatcher = &impl->dispatcher](http::Request request) {
    return dispatcher->handle(std::move(request));
  };
  auto listener = http::Listener::start(options.server, impl->counters, clock, handle);
  if (!listener) return fail(std::move(listener.error()));
  impl->listener = std::move(*listener);
  log::info("api.listening", {{"socket", options.server.socket_path.native()}});
  return std::unique_ptr<Api>(new Api(std::move(impl)));
}

void Api::stop() { impl_->listener->stop(); }

std::vector<Sample> Api::samples() const { return impl_->counters.samples(); }

}  // namespace vs
