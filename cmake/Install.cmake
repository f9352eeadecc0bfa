# Where `cmake --install` puts things; packaging/debian takes them from there.
include(GNUInstallDirs)

install(TARGETS vsmgrd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS vsctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS channel RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/vservices)
install(TARGETS vsbackend RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/vservices)
install(TARGETS vs_client LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS nss_vservice LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} NAMELINK_SKIP)
install(FILES dataplane/client/vservice.h dataplane/client/vservice.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY policies schemas DESTINATION ${CMAKE_INSTALL_DATADIR}/vservices)
install(DIRECTORY grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/vservices PATTERN "*.py" EXCLUDE)
configure_file(cmake/vservice.pc.in vservice.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vservice.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
