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

# install_packed(FILE FOLDER): as FILE.gz, the same bytes each time
function(install_packed file folder)
  get_filename_component(name ${file} NAME)
  set(packed ${CMAKE_BINARY_DIR}/packed/${name}.gz)
  add_custom_command(OUTPUT ${packed} DEPENDS ${file} VERBATIM
    COMMAND sh -c "mkdir -p packed && gzip -9nc \"$1\" >\"$2\"" sh ${file} ${packed}
    WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  add_custom_target(packed_${name} ALL DEPENDS ${packed})
  install(FILES ${packed} DESTINATION ${folder})
endfunction()

install(TARGETS sluice sluice-mock sluice-bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(page engine/sluice.1 bench/sluice-bench.1 bench/sluice-mock.1)
  install_packed(${CMAKE_SOURCE_DIR}/${page} ${CMAKE_INSTALL_MANDIR}/man1)
endforeach()
install_packed(${CMAKE_SOURCE_DIR}/engine/sluice.yaml.5 ${CMAKE_INSTALL_MANDIR}/man5)
install_file(engine/sluice.completion ${CMAKE_INSTALL_DATADIR}/bash-completion/completions sluice)
install_file(engine/sluice.yaml.example ${CMAKE_INSTALL_DOCDIR}/examples sluice.yaml)
install_file(engine/sluice.socket lib/systemd/system)
install_file(engine/sluice.sysusers lib/sysusers.d sluice.conf)
install_file(README.md ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY engine/guides DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install_file(LICENSE ${CMAKE_INSTALL_DOCDIR} copyright)

# The unit names the program by its full path, which only the installation knows.
if(EXISTS ${CMAKE_SOURCE_DIR}/engine/sluice.service)
  install(CODE "
    file(READ \"${CMAKE_SOURCE_DIR}/engine/sluice.service\" unit)
    string(REPLACE \"/usr/bin/sluice\"
      \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/sluice\" unit \"\${unit}\")
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
