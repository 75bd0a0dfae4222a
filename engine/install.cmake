# `cmake --install build` puts things where Debian looks for them below the prefix: /usr/local for
# a machine's own build, /usr (with DESTDIR) for a package.

include(GNUInstallDirs)

# install_file(FILE FOLDER [NAME]): nothing where the file is not there
function(install_file file folder)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${file})
    get_filename_component(name ${file} NAME)
    if(ARGC GREATER 2)
      set(name ${ARGV2})
    endif()
    install(FILES ${file} DESTINATION ${folder} RENAME ${name})
  endif()
endfunction()

if(TARGET sluice)
  install(TARGETS sluice RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endif()
install_file(engine/sluice.8 ${CMAKE_INSTALL_MANDIR}/man8)
install_file(engine/sluice.yaml.5 ${CMAKE_INSTALL_MANDIR}/man5)
install_file(engine/sluice.yaml.example ${CMAKE_INSTALL_DOCDIR}/examples sluice.yaml)
install_file(engine/sluice.socket lib/systemd/system)
install_file(engine/sluice.sysusers lib/sysusers.d sluice.conf)
install_file(README.md ${CMAKE_INSTALL_DOCDIR})
install_file(LICENSE ${CMAKE_INSTALL_DOCDIR} copyright)

# The unit names the program by its full path, which only the installation knows.
if(EXISTS ${CMAKE_SOURCE_DIR}/engine/sluice.service)
  install(CODE "
    file(READ \"${CMAKE_SOURCE_DIR}/engine/sluice.service\" unit)
    string(REPLACE \"/usr/sbin/sluice\"
      \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/sluice\" unit \"\${unit}\")
    file(WRITE \"${CMAKE_BINARY_DIR}/sluice.service\" \"\${unit}\")")
  install(FILES ${CMAKE_BINARY_DIR}/sluice.service DESTINATION lib/systemd/system)
endif()

# A configuration in use is never written over.
if(EXISTS ${CMAKE_SOURCE_DIR}/engine/sluice.yaml.example)
  install(CODE "
    if(NOT EXISTS \"\$ENV{DESTDIR}/etc/sluice/sluice.yaml\")
      file(INSTALL \"${CMAKE_SOURCE_DIR}/engine/sluice.yaml.example\"
        DESTINATION /etc/sluice RENAME sluice.yaml)
    endif()")
endif()
