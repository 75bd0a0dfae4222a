# `cpack` in the build folder makes the Debian package: what engine/install.cmake installs,
# stripped, with the control files of engine/debian.

set(SLUICE_MAINTAINER "Sluice <sluice@example.org>" CACHE STRING
  "whom the Debian package names as its maintainer")

# The changelog's day is that of SOURCE_DATE_EPOCH or of the commit: so a package can be made anew.
set(epoch "$ENV{SOURCE_DATE_EPOCH}")
if(NOT epoch)
  execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} log -1 --format=%ct
    OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT epoch)
  set(epoch 0)
endif()
execute_process(COMMAND date -u -R -d @${epoch}
  OUTPUT_VARIABLE SLUICE_DATE OUTPUT_STRIP_TRAILING_WHITESPACE)
configure_file(engine/debian/changelog.in ${CMAKE_BINARY_DIR}/debian/changelog @ONLY)
install_packed(${CMAKE_BINARY_DIR}/debian/changelog ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON) # /etc is no part of the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_CONTACT "${SLUICE_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "mail relay in front of Exchange Online")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "Printers, scanners, applications and servers hand in their mail by SMTP; it
is kept safe on disk and delivered through Microsoft Exchange Online, with TLS
and sign-in, exactly within the service's limits, and refusals are told in
plain words.
.
With sluice-mock, which answers as Exchange Online does, and sluice-bench,
which measures.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# ca-certificates: whom to believe; dns-root-data: DANE's anchor.
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "ca-certificates, dns-root-data, systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(control ${CMAKE_SOURCE_DIR}/engine/debian)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${control}/conffiles ${control}/postinst ${control}/prerm ${control}/postrm)
include(CPack)
