// What goes on beside the requests: the feed of events, the waits, and the work behind operations.
//
// Thread-safe. `store` must outlive it.
#pragma once

#include "vsmgrd/api/event_feed.h"
#include "vsmgrd/api/jobs.h"
#include "vsmgrd/api/waits.h"
#include "vsmgrd/store/store.h"

namespace vs::http {

struct Background {
  explicit Background(Store& store) : feed(store.events()), jobs(store.operations()), applies(store.operations()) {
    feed.also([this] { waits.notify(); });
  }

  void stop() {
    jobs.stop();
    applies.stop();
    feed.stop();
    waits.stop();
  }

  Waits waits;  // first: the feed tells it of events
  EventFeed feed;
  Jobs jobs;     // of administrators
  Jobs applies;  // which those do not hold up
};

}  // namespace vs::http
