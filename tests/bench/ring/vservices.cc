// The VServices link: the guest in one process, the backend in the other.
#include "tests/bench/ring/backend.h"
#include "tests/bench/ring/guest.h"

int main(int count, char** words) {
  return vs::bench::run_exchange<vs::bench::Session, vs::bench::Guest, vs::bench::Backend>(count, words);
}
